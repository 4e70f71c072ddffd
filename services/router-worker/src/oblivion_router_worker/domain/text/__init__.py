"""Text on its way between Slack and ClickUp: conversion, sanitising, shortening.

The ways through:
    Slack reply   -> `mrkdwn_to_markdown` -> `markdown_to_runs` -> ClickUp comment
    ClickUp text  -> `markdown_to_mrkdwn` -> `truncate` or `split_text` -> Slack message
    anything else -> `sanitise_mrkdwn` (Slack text) or `sanitise_plain` just before it leaves
"""

from oblivion_router_worker.domain.text.clickup_comments import (
    Run,
    markdown_to_runs,
    runs_to_json,
    runs_to_text,
)
from oblivion_router_worker.domain.text.clickup_reading import comment_to_markdown, comment_to_text
from oblivion_router_worker.domain.text.escaping import escape, unescape
from oblivion_router_worker.domain.text.links import safe_url, slack_link
from oblivion_router_worker.domain.text.sanitise import disarm_tags, sanitise_mrkdwn, sanitise_plain
from oblivion_router_worker.domain.text.shortening import (
    MARKDOWN_MAX_UNITS,
    SECTION_MAX_UNITS,
    TEXT_MAX_UNITS,
    length_units,
    split_text,
    truncate,
)
from oblivion_router_worker.domain.text.to_markdown import mrkdwn_to_markdown, mrkdwn_to_text
from oblivion_router_worker.domain.text.to_mrkdwn import markdown_to_mrkdwn, text_to_mrkdwn

__all__ = [
    "MARKDOWN_MAX_UNITS",
    "SECTION_MAX_UNITS",
    "TEXT_MAX_UNITS",
    "Run",
    "comment_to_markdown",
    "comment_to_text",
    "disarm_tags",
    "escape",
    "length_units",
    "markdown_to_mrkdwn",
    "markdown_to_runs",
    "mrkdwn_to_markdown",
    "mrkdwn_to_text",
    "runs_to_json",
    "runs_to_text",
    "safe_url",
    "sanitise_mrkdwn",
    "sanitise_plain",
    "slack_link",
    "split_text",
    "text_to_mrkdwn",
    "truncate",
    "unescape",
]
