"""Message text as Slack keeps it: `&`, `<` and `>` escaped, except in its own `<...>` sequences."""

import re
from collections.abc import Mapping

_SEQUENCE = re.compile(
    r"<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+|!(?:here|channel|everyone|subteam\^S[A-Z0-9]+|date\^[^<>|]+)"
    r"|(?:https?://|mailto:|tel:)[^<>|\s]+)(?:\|[^<>]*)?>"
)
_BARE_URL = re.compile(r"(?<![<|\w@/])https?://[^\s<>|`]+[^\s<>|`.,;:!?'\")\]}]")
_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
_TYPED_NAME = re.compile(r"(?<![\w@])@([A-Za-z0-9_.-]+)")
_TYPED_CHANNEL = re.compile(r"(?<![\w#&])#([a-z0-9_-]+)")
_MENTIONED_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_ROOM_PINGS = ("channel", "here", "everyone")


def as_stored(text: str) -> str:
    """What Slack makes of text given to its API: stray specials escaped, bare URLs put in angle brackets."""
    parts: list[str] = []
    position = 0
    for match in _SEQUENCE.finditer(text):
        parts += [_plain(text[position : match.start()]), match.group()]
        position = match.end()
    parts.append(_plain(text[position:]))
    return "".join(parts)


def _plain(text: str) -> str:
    escaped = _AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
    return _BARE_URL.sub(lambda match: f"<{match.group()}>", escaped)


def as_typed(text: str, users: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """What Slack's own client sends for text typed by a person: everything escaped, known names linked."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def name(match: re.Match[str]) -> str:
        typed = match.group(1).rstrip(".-")
        rest = match.group(1)[len(typed) :]
        if typed in _ROOM_PINGS:
            return f"<!{typed}>{rest}"
        return f"<@{users[typed.lower()]}>{rest}" if typed.lower() in users else match.group()

    def channel(match: re.Match[str]) -> str:
        known = channels.get(match.group(1))
        return f"<#{known}|{match.group(1)}>" if known else match.group()

    linked = _BARE_URL.sub(lambda match: f"<{match.group()}>", escaped)
    return _TYPED_CHANNEL.sub(channel, _TYPED_NAME.sub(name, linked))


def mentioned_users(text: str) -> set[str]:
    """The ids that the text mentions; typed `&lt;@U1&gt;` is no mention."""
    return set(_MENTIONED_USER.findall(text))
