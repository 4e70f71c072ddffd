"""Cuts Slack text to a limit without leaving half an entity, tag, code fence or visible character.

Lengths count UTF-16 units, as the strictest of Slack's clients do: an emoji counts two.
"""

import re
import unicodedata

TEXT_MAX_UNITS = 40_000
MARKDOWN_MAX_UNITS = 12_000
SECTION_MAX_UNITS = 3_000

SHORTENED = "… (shortened)"
_FENCE = "```"
_CLOSING_ROOM_UNITS = len("\n```\n")
_HALF_ENTITY = re.compile(r"&[a-z]{0,3}\Z")
_TAG_MAX_CHARS = 4_000
_CLUSTER_MAX_CHARS = 32
_LAST_WORD_MAX_CHARS = 40


def length_units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def truncate(text: str, limit_units: int, suffix: str = SHORTENED) -> str:
    """The text if it fits, else its beginning with `suffix`; both valid Slack text."""
    if length_units(text) <= limit_units:
        return text
    room_units = limit_units - length_units(suffix) - _CLOSING_ROOM_UNITS
    if room_units <= 0:
        return _first_units(suffix, limit_units)
    head = _last_whole(text, _first_units(text, room_units))
    if not _fence_is_open(head):
        return head + suffix
    if head.endswith(_FENCE):
        return head.removesuffix(_FENCE).rstrip() + suffix
    return f"{head}\n{_FENCE}\n{suffix}"


def split_text(text: str, limit_units: int, parts_max: int) -> list[str]:
    """The text in at most `parts_max` valid pieces, none blank; the last may be shortened."""
    parts: list[str] = []
    rest = text
    while len(parts) < parts_max - 1 and length_units(rest) > limit_units:
        head, rest = _split_once(rest, limit_units)
        parts.append(head)
    parts.append(truncate(rest, limit_units))
    return [part for part in parts if part.strip()]


def _split_once(text: str, limit_units: int) -> tuple[str, str]:
    head = _last_whole(text, _first_units(text, limit_units - _CLOSING_ROOM_UNITS))
    newline = head.rfind("\n")
    if newline > len(head) // 2:
        head = head[:newline]
    if not head.strip():
        # One tag longer than a whole part: it cannot stay whole.
        head = _first_units(text, limit_units - _CLOSING_ROOM_UNITS)
    rest = text[len(head) :].lstrip("\n")
    if not _fence_is_open(head):
        return head, rest
    if head.endswith(_FENCE):
        return head.removesuffix(_FENCE), f"{_FENCE}{rest}"
    return f"{head}\n{_FENCE}", f"{_FENCE}\n{rest}"


def _fence_is_open(head: str) -> bool:
    return head.count(_FENCE) % 2 == 1


def _first_units(text: str, units: int) -> str:
    head = text[:units]
    while length_units(head) > units:
        # Each character over the limit costs at most two units.
        head = head[: len(head) - max(1, (length_units(head) - units) // 2)]
    return head


def _last_whole(text: str, head: str) -> str:
    """Shorten `head`, a beginning of `text`, until nothing at its end is cut in two."""
    head = _without_half_cluster(text, _HALF_ENTITY.sub("", head))
    if text[len(head) : len(head) + 1] == "`":
        head = head.rstrip("`")
    return _without_half_word(text, _without_half_tag(text, head)).rstrip()


def _without_half_tag(text: str, head: str) -> str:
    opened = head.rfind("<", max(0, len(head) - _TAG_MAX_CHARS))
    if opened < 0 or ">" in head[opened:]:
        return head
    closed = text.find(">", len(head))
    return head[:opened] if closed >= 0 and "<" not in text[len(head) : closed] else head


def _without_half_cluster(text: str, head: str) -> str:
    for _ in range(_CLUSTER_MAX_CHARS):
        end = len(head)
        if not 0 < end < len(text) or not (_extends(text[end]) or head[-1] == "\u200d"):
            return head
        head = head[:-1]
    return head


def _extends(character: str) -> bool:
    """Tell whether the character belongs to the one before it: accents, emoji parts, skin tones."""
    return (
        character == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
    )


def _without_half_word(text: str, head: str) -> str:
    if not (head[-1:].isalnum() and text[len(head) : len(head) + 1].isalnum()):
        return head
    start = max(0, len(head) - _LAST_WORD_MAX_CHARS)
    blank = max(head.rfind(" ", start), head.rfind("\n", start))
    shorter = head[:blank]
    # A tag's label has blanks too, at which nothing may be cut.
    return shorter if blank > 0 and _without_half_tag(text, shorter) == shorter else head
