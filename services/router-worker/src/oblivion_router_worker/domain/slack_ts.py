"""Slack's message timestamps and permalinks.

A `ts` is an identifier that looks like a number ("1718031600.000100"): unique within its channel,
ordered by time. It is never turned into a float, which would lose digits.
Source: https://docs.slack.dev/messaging/retrieving-messages
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

_TS = re.compile(r"([0-9]{1,12})\.([0-9]{6})", re.ASCII)
_CHANNEL_ID = re.compile(r"[A-Z][A-Z0-9]{1,31}", re.ASCII)
_PERMALINK_PATH = re.compile(r"/archives/([A-Z][A-Z0-9]{1,31})/p([0-9]{1,12})([0-9]{6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Names one message; `thread_ts` is None for a message that is in no thread."""

    channel: str
    ts: str
    thread_ts: str | None = None


def is_ts(text: object) -> bool:
    """Tell whether `text` is a message timestamp; hostile look-alikes (nan, Arabic digits) are not."""
    return isinstance(text, str) and _TS.fullmatch(text) is not None


def is_channel_id(text: object) -> bool:
    return isinstance(text, str) and _CHANNEL_ID.fullmatch(text) is not None


def ts_key(ts: str) -> tuple[int, int]:
    """Sort key of a timestamp; compares right also where the seconds differ in length.

    Raises:
        ValueError: not a timestamp.
    """
    match = _TS.fullmatch(ts)
    if match is None:
        raise ValueError("not a Slack timestamp")
    return int(match[1]), int(match[2])


def slack_permalink(workspace_url: str, channel: str, ts: str, thread_ts: str | None = None) -> str:
    """The address of a message, as chat.getPermalink gives it.

    `workspace_url` is the `url` of auth.test, such as https://acme.slack.com/.

    Raises:
        ValueError: `channel`, `ts` or `thread_ts` is not an identifier of Slack's.
    """
    if not is_channel_id(channel):
        raise ValueError("not a Slack channel id")
    seconds, micros = ts_key(ts)
    link = f"{workspace_url.rstrip('/')}/archives/{channel}/p{seconds}{micros:06d}"
    if thread_ts is None or thread_ts == ts:
        return link
    ts_key(thread_ts)
    return f"{link}?thread_ts={thread_ts}&cid={channel}"


def parse_permalink(url: str) -> MessageRef | None:
    """The message that a permalink names, or None; the host is not judged."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    match = re.search(_PERMALINK_PATH.pattern + r"\Z", parts.path, re.ASCII)
    if match is None or parts.scheme not in ("http", "https"):
        return None
    thread_ts = parse_qs(parts.query).get("thread_ts", [None])[0]
    return MessageRef(
        channel=match[1],
        ts=f"{match[2]}.{match[3]}",
        thread_ts=thread_ts if is_ts(thread_ts) else None,
    )
