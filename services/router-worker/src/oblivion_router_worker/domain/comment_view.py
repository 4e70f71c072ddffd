"""A comment on its way to the other side, and how to know our own copies when they come back.

A copy in ClickUp ends in the reply's Slack permalink as plain text, because events give a comment's
text without its links. A copy is recognised by what was sent, never by its author alone: the token's
owner writes comments of their own too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.run_effects import RunComment
from oblivion_router_worker.domain.run_view import Verdict
from oblivion_router_worker.domain.slack_message import (
    BLOCKS_TEXT_MAX_UNITS,
    FALLBACK_MAX_UNITS,
    SECTION_MAX_UNITS,
    SlackMessage,
    context,
    section,
)
from oblivion_router_worker.domain.slack_ts import MessageRef, parse_permalink
from oblivion_router_worker.domain.text import (
    Run,
    markdown_to_mrkdwn,
    markdown_to_runs,
    mrkdwn_to_markdown,
    runs_to_json,
    runs_to_text,
    safe_url,
    sanitise_mrkdwn,
    sanitise_plain,
    slack_link,
    split_text,
    text_to_mrkdwn,
    truncate,
)
from oblivion_router_worker.domain.text.clickup_comments import finished_runs

COMMENT_MAX_UNITS = 20_000
_AUTHOR_MAX_UNITS = 80
_SECTIONS_MAX = BLOCKS_TEXT_MAX_UNITS // SECTION_MAX_UNITS - 1
_NO_WORDS = "(no text)"
_RUN = re.compile(r"\brun ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*\Z")
_BLANKS = re.compile(r"\s+")
_LAST_WORD = re.compile(r"(\S+)\s*\Z")


@dataclass(frozen=True, slots=True)
class ClickUpComment:
    """What is sent to ClickUp: the `comment` array, its plain text, and the marker it ends in."""

    blocks: Sequence[Mapping[str, object]]
    text: str
    marker: str


def comment_url(task: Task, comment_id: str) -> str | None:
    """The address of a comment: its task's page, opened at the comment."""
    return safe_url(f"{task.url}?comment={comment_id}") if task.url and "?" not in task.url else task.url


def render_comment(author_name: str, markdown: str, url: str | None) -> SlackMessage:
    """A ClickUp comment as a reply in its task's thread."""
    author = _author(author_name)
    body = markdown_to_mrkdwn(markdown, source_max_chars=2 * BLOCKS_TEXT_MAX_UNITS)
    body = body if body.strip() else _NO_WORDS
    parts = split_text(body, SECTION_MAX_UNITS, _SECTIONS_MAX)
    source = slack_link(url or "", "ClickUp") or "ClickUp"
    footer = sanitise_mrkdwn(f"*{text_to_mrkdwn(author)}* commented in {source}")
    text = sanitise_mrkdwn(f"{text_to_mrkdwn(author)}: {truncate(body, FALLBACK_MAX_UNITS - 200)}")
    return SlackMessage(
        text=truncate(text, FALLBACK_MAX_UNITS), blocks=(context(footer), *(section(part) for part in parts))
    )


def comment_from_slack(
    text: str, author_name: str, permalink: str, names: Mapping[str, str], *, file_count: int = 0
) -> ClickUpComment:
    """A Slack reply as a comment on the task, signed with its author's name.

    `text` is the message's mrkdwn (with the keyword already taken out), `names` gives display names
    by user, channel and group id.
    """
    markdown = truncate(mrkdwn_to_markdown(text, names), COMMENT_MAX_UNITS)
    body = markdown_to_runs(markdown)
    if file_count:
        files = "1 file" if file_count == 1 else f"{file_count} files"
        body += [*_ended_line(body), Run(f"({files} in Slack)", {"italic": True})]
    runs = finished_runs([*_signature(author_name), *body, *_ended_line(body), Run("Slack: ")])
    # The marker goes in untouched: it must read exactly as it will be looked for.
    runs.append(Run(permalink, {"link": permalink}))
    return ClickUpComment(runs_to_json(runs), runs_to_text(runs), permalink)


def _signature(author_name: str) -> list[Run]:
    return [Run(_author(author_name), {"bold": True}), Run(" in Slack:"), Run("\n")]


def _ended_line(body: Sequence[Run]) -> list[Run]:
    return [] if not body or body[-1].text == "\n" else [Run("\n")]


def _author(name: str) -> str:
    return truncate(" ".join(sanitise_plain(name).split()), _AUTHOR_MAX_UNITS, suffix="…") or "Someone"


def marker_of(comment_text: str) -> str | None:
    """The Slack permalink that a comment ends in, as our copies do; people may paste one as well."""
    match = _LAST_WORD.search(comment_text[-4_000:])
    return match[1] if match and parse_permalink(match[1]) is not None else None


def marked_message(comment_text: str) -> MessageRef | None:
    """The Slack message whose permalink a comment ends in."""
    marker = marker_of(comment_text)
    return parse_permalink(marker) if marker else None


def is_copy_of(comment_text: str, sent: ClickUpComment | str) -> bool:
    """Tell whether a comment reads as what was sent, however ClickUp spaced it."""
    sent_text = sent.text if isinstance(sent, ClickUpComment) else sent
    return _BLANKS.sub("", comment_text) == _BLANKS.sub("", sent_text)


def ends_in_marker(comment_text: str, marker: str) -> bool:
    """Tell whether a comment is the one that was sent with `marker` (for looking up a lost answer)."""
    return bool(marker) and comment_text.rstrip().endswith(marker)


def answer_comment(markdown: str, agent: str, run_id: UUID, asker: str | None) -> RunComment:
    """A run's answer as a comment on its task; its last word, the run's id, is what it is looked up by."""
    body = markdown_to_runs(truncate(markdown, COMMENT_MAX_UNITS))
    runs = finished_runs([Run(_author(agent), {"bold": True}), Run(":\n"), *body])
    blocks: list[Mapping[str, object]] = list(runs_to_json(runs))
    if asker is not None and asker.isdigit():
        blocks = [{"type": "tag", "user": {"id": int(asker)}}, {"text": " "}, *blocks]
    marker = f"run {run_id}"
    return RunComment("", [*blocks, {"text": f"\n{marker}"}], marker)


def question_comment(
    question: str, agent: str, approval_id: UUID, run_id: UUID, asker: str | None
) -> RunComment:
    """A run's question as a comment, assigned to who asked, so that it is among their things to do."""
    runs = finished_runs(
        [
            Run(_author(agent), {"bold": True}),
            Run(" asks for approval:\n"),
            *markdown_to_runs(truncate(question, COMMENT_MAX_UNITS)),
            Run("\n"),
            Run("It is answered in the task's Slack thread."),
        ]
    )
    marker = f"question {approval_id} · run {run_id}"
    blocks = [*runs_to_json(runs), {"text": f"\n{marker}"}]
    assignee = int(asker) if asker is not None and asker.isdigit() else None
    return RunComment("", blocks, marker, assignee=assignee)


def answered_question_comment(
    question: str, verdict: Verdict, approval_id: UUID, run_id: UUID
) -> Sequence[Mapping[str, object]]:
    """The same comment once a person has answered."""
    how = "Approved" if verdict.is_approved else "Denied"
    said = f": {truncate(verdict.comment, 300)}" if verdict.comment else ""
    runs = finished_runs(
        [
            *markdown_to_runs(truncate(question, COMMENT_MAX_UNITS)),
            Run("\n"),
            Run(how, {"bold": True}),
            Run(sanitise_plain(f" by {verdict.by or 'somebody'}{said}")),
        ]
    )
    return [*runs_to_json(runs), {"text": f"\nquestion {approval_id} · run {run_id}"}]


def answered_run(comment_text: str) -> str | None:
    """The run whose answer a comment is."""
    match = _RUN.search(comment_text[-200:])
    return match[1] if match else None
