"""The last gate before text leaves: whatever goes in, nothing comes out that pings anybody.

Rather than hunting for bad tags, every tag is parsed and written anew; only links, channel links,
dates and mentions of explicitly allowed users stay tags, all else becomes visible text.
Adapters must not undo this: never send `link_names` or `parse` to Slack.
"""

import re
from collections.abc import Iterable, Mapping, Set

from oblivion_router_worker.domain.text.escaping import clean, escape, escape_stray
from oblivion_router_worker.domain.text.links import safe_url, slack_link
from oblivion_router_worker.domain.text.pings import calls_to_all, defuse, insert_after
from oblivion_router_worker.domain.text.slack_tags import (
    TAG,
    ChannelTag,
    DateTag,
    GroupTag,
    LinkTag,
    SlackTag,
    SpecialTag,
    UnknownTag,
    UserTag,
    parse_tag,
)

# An opening bracket, perhaps some blank or invisible characters, then what makes a tag a mention.
_MENTION_START = re.compile(r"<(?=[\W_]{0,40}[!@])")
_ANGLE_LOOKALIKE = "\u2039"

NOBODY: Set[str] = frozenset()
NO_NAMES: Mapping[str, str] = {}


def sanitise_mrkdwn(
    text: str, *, allowed_user_ids: Set[str] = NOBODY, names: Mapping[str, str] = NO_NAMES
) -> str:
    """Slack text from anywhere -> valid Slack text that mentions at most `allowed_user_ids`.

    `names` (by user or group id) are shown in place of mentions that are taken out. Idempotent.
    """
    text = clean(text)
    pieces: list[str] = []
    start = 0
    for match in TAG.finditer(text):
        pieces.append(escape_stray(text[start : match.start()]))
        pieces.append(_safe_tag(parse_tag(match[1]), allowed_user_ids, names))
        start = match.end()
    pieces.append(escape_stray(text[start:]))
    return _defuse_outside_tags("".join(pieces))


def sanitise_plain(text: str) -> str:
    """Plain text from anywhere -> plain text without calls to everybody, for ClickUp and headers."""
    return defuse(clean(text))


def disarm_tags(text: str) -> str:
    """Plain text for where Slack parses none, such that it would not ping even if it were parsed."""
    return _MENTION_START.sub(_ANGLE_LOOKALIKE, text)


def sanitise_runs(texts: Iterable[str]) -> list[str]:
    """Like `sanitise_plain` for a text in differently formatted pieces, seen as one."""
    cleaned = [clean(text) for text in texts]
    positions = calls_to_all("".join(cleaned))
    result: list[str] = []
    start = 0
    for text in cleaned:
        end = start + len(text)
        result.append(insert_after(text, [at - start for at in positions if start <= at < end]))
        start = end
    return result


def _defuse_outside_tags(text: str) -> str:
    pieces: list[str] = []
    start = 0
    for match in TAG.finditer(text):
        pieces.append(defuse(text[start : match.start()]))
        pieces.append(match[0])
        start = match.end()
    pieces.append(defuse(text[start:]))
    return "".join(pieces)


def _safe_tag(tag: SlackTag, allowed_user_ids: Set[str], names: Mapping[str, str]) -> str:
    match tag:
        case UserTag(user_id) if user_id in allowed_user_ids:
            return f"<@{user_id}>"
        case UserTag(user_id, label) | GroupTag(user_id, label):
            return escape(mention_text(names.get(user_id) or label or user_id))
        case ChannelTag(channel_id):
            return f"<#{channel_id}>"
        case SpecialTag(name, label):
            return escape(mention_text(label or name))
        case DateTag():
            return _safe_date(tag)
        case LinkTag(url, label):
            return slack_link(url, defuse(label) if label else None) or escape(label or url)
        case UnknownTag(content):
            return f"&lt;{escape(content)}&gt;"


def mention_text(name: str) -> str:
    """How a mention reads once it is plain text: "@ana", but "@ here"."""
    return defuse("@" + name.strip().lstrip("@"))


def _safe_date(tag: DateTag) -> str:
    shape = _without_delimiters(defuse(tag.format))
    fallback = _without_delimiters(defuse(tag.fallback)) or "a date"
    url = safe_url(tag.url) if tag.url else None
    link = f"^{escape(url)}" if url else ""
    return f"<!date^{tag.unix_s}^{escape(shape) or '{date}'}{link}|{escape(fallback)}>"


def _without_delimiters(text: str) -> str:
    return " ".join(text.replace("|", " ").replace("^", " ").split())
