"""A message as Block Kit, within Slack's limits whatever goes in.

Sources: https://docs.slack.dev/reference/block-kit/blocks and .../reference/methods/chat.update
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oblivion_router_worker.domain.text import disarm_tags, sanitise_plain, truncate

# chat.update refuses texts that chat.postMessage accepts; beside blocks the text is only a fallback.
FALLBACK_MAX_UNITS = 3_000
HEADER_MAX_UNITS = 150
SECTION_MAX_UNITS = 3_000
FIELD_MAX_UNITS = 2_000
FIELDS_MAX = 10
BLOCKS_MAX = 50
# Not documented, but seen: all blocks together are refused above about 13,000 characters.
BLOCKS_TEXT_MAX_UNITS = 12_000

Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """What chat.postMessage and chat.update take; `text` is what notifications and screen readers use.

    Send it without `link_names` and `parse`: both would make plain words ping.
    """

    text: str
    blocks: Sequence[Block] = field(default_factory=tuple[Block, ...])

    @property
    def content_hash(self) -> str:
        """Equal for messages that look the same, so that an edit that changes nothing sends nothing."""
        shown = json.dumps([self.text, list(self.blocks)], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(shown.encode("utf-8")).hexdigest()


def header(text: str) -> Block:
    """A title in large type from plain text; nothing formats in it.

    Slack escapes plain text by itself, so it goes in as it is.
    """
    line = " ".join(disarm_tags(sanitise_plain(text)).split()) or "-"
    shown = truncate(line, HEADER_MAX_UNITS, suffix="…")
    return {"type": "header", "text": {"type": "plain_text", "text": shown, "emoji": False}}


def section(mrkdwn: str) -> Block:
    """A paragraph from sanitised Slack text."""
    return {"type": "section", "text": _mrkdwn(mrkdwn, SECTION_MAX_UNITS)}


def fields(texts: Sequence[str]) -> Block:
    """Short facts in two columns, from sanitised Slack texts."""
    return {"type": "section", "fields": [_mrkdwn(text, FIELD_MAX_UNITS) for text in texts[:FIELDS_MAX]]}


def context(mrkdwn: str) -> Block:
    """A small grey line from sanitised Slack text."""
    return {"type": "context", "elements": [_mrkdwn(mrkdwn, SECTION_MAX_UNITS)]}


def _mrkdwn(text: str, limit_units: int) -> Block:
    # `verbatim`: Slack shall not turn plain addresses and names into links and mentions by itself.
    return {"type": "mrkdwn", "text": truncate(text, limit_units) or "-", "verbatim": True}
