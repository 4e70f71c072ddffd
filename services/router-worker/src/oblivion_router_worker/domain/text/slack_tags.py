"""Slack's angle-bracket tags: <@U1|ana>, <#C1|general>, <!here>, <!date^…|…>, <https://…|label>.

Source: https://docs.slack.dev/messaging/formatting-message-text#advanced
"""

import re
from dataclasses import dataclass

from oblivion_router_worker.domain.text.escaping import unescape

TAG = re.compile(r"<([^<>]*)>")

_USER = re.compile(r"@([UW][A-Z0-9]{1,31})(?:\|(.*))?", re.ASCII | re.DOTALL)
_CHANNEL = re.compile(r"#([CGD][A-Z0-9]{1,31})(?:\|(.*))?", re.ASCII | re.DOTALL)
_GROUP = re.compile(r"!subteam\^([A-Z0-9]{1,32})(?:\|(.*))?", re.ASCII | re.DOTALL)
_DATE = re.compile(r"!date\^([0-9]{1,12})\^([^|^]+)(?:\^([^|]*))?\|(.+)", re.ASCII | re.DOTALL)
_SPECIAL = re.compile(r"!([^|]*)(?:\|(.*))?", re.DOTALL)
_LINK = re.compile(r"((?:https?://|mailto:|tel:)[^|\s]+)(?:\|(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class UserTag:
    id: str
    label: str | None


@dataclass(frozen=True, slots=True)
class ChannelTag:
    id: str
    label: str | None


@dataclass(frozen=True, slots=True)
class GroupTag:
    id: str
    label: str | None


@dataclass(frozen=True, slots=True)
class SpecialTag:
    """<!here>, <!channel>, <!everyone>, and any command that Slack may add."""

    name: str
    label: str | None


@dataclass(frozen=True, slots=True)
class DateTag:
    unix_s: str
    format: str
    url: str | None
    fallback: str


@dataclass(frozen=True, slots=True)
class LinkTag:
    url: str
    label: str | None


@dataclass(frozen=True, slots=True)
class UnknownTag:
    """Brackets around something else: shown as text."""

    content: str


SlackTag = UserTag | ChannelTag | GroupTag | SpecialTag | DateTag | LinkTag | UnknownTag


def parse_tag(content: str) -> SlackTag:
    """Read what stands between < and >; all texts of the result are unescaped."""
    if match := _USER.fullmatch(content):
        return UserTag(match[1], _label(match[2]))
    if match := _CHANNEL.fullmatch(content):
        return ChannelTag(match[1], _label(match[2]))
    if content.startswith("!"):
        return _parse_command(content)
    if match := _LINK.fullmatch(content):
        return LinkTag(unescape(match[1]), _label(match[2]))
    return UnknownTag(unescape(content))


def _parse_command(content: str) -> SlackTag:
    if match := _GROUP.fullmatch(content):
        return GroupTag(match[1], _label(match[2]))
    if match := _DATE.fullmatch(content):
        return DateTag(match[1], unescape(match[2]), _label(match[3]), unescape(match[4]))
    match = _SPECIAL.fullmatch(content)
    if match is None:
        return UnknownTag(unescape(content))
    return SpecialTag(unescape(match[1]), _label(match[2]))


def _label(text: str | None) -> str | None:
    return unescape(text) if text else None
