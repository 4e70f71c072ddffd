"""Finds words that a chat could take for a call to everybody, however they are disguised.

Slack turns a plainly typed @here into a live one where `link_names` or `parse=full` is set, and other
tools do it by themselves. Seen through full-width letters, any case and invisible characters.
The cure is a space after the @: it survives whatever strips invisible characters later.
"""

import re
import unicodedata
from collections.abc import Iterable

# No boundary after these: "@hereabouts" may be cut to "@here" later.
_CALLS = ("here", "channel", "everyone")
# These are parts of too many names to be judged without their neighbours.
_WHOLE_WORD_CALLS = ("group", "all")
_LONGEST_CALL_CHARS = max(map(len, _CALLS)) + 1
_AT_SIGN = re.compile("[@\uff20\ufe6b]")
# Invisible without being of the category "format".
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u180b\u180c\u180d\u180f"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_VARIATION_SUPPLEMENT = range(0xE0100, 0xE01F0)


def calls_to_all(text: str) -> list[int]:
    """The positions of every @ that begins a call to everybody."""
    return [match.start() for match in _AT_SIGN.finditer(text) if _begins_call(text, match.start())]


def defuse(text: str) -> str:
    """Put a space after each such @; anything else stays as it is."""
    return insert_after(text, calls_to_all(text))


def insert_after(text: str, positions: Iterable[int]) -> str:
    """Insert a space after each of `positions`, which ascend."""
    pieces: list[str] = []
    start = 0
    for position in positions:
        pieces.append(text[start : position + 1])
        start = position + 1
    return " ".join([*pieces, text[start:]])


def _begins_call(text: str, at: int) -> bool:
    word = _visible_word(text, at + 1)
    if word.startswith(_CALLS):
        return True
    return not text[at - 1 : at].isalnum() and any(
        word.startswith(call) and not word[len(call) : len(call) + 1].isalnum() for call in _WHOLE_WORD_CALLS
    )


def _visible_word(text: str, start: int) -> str:
    """The next few characters as a tolerant reader sees them."""
    near = text[start : start + _LONGEST_CALL_CHARS]
    if near.isascii() and near.isprintable():
        return near.lower()
    seen = ""
    for position in range(start, len(text)):
        if not is_invisible(text[position]):
            seen += unicodedata.normalize("NFKC", text[position]).casefold()
            if len(seen) >= _LONGEST_CALL_CHARS:
                break
    return seen


def is_invisible(character: str) -> bool:
    """Tell whether a reader would not notice the character (zero-width, variation selectors)."""
    if character.isascii():
        return character < " " and character not in "\t\n\r"
    return (
        character in _INVISIBLE
        or ord(character) in _VARIATION_SUPPLEMENT
        or unicodedata.category(character) in ("Cf", "Cc")
    )
