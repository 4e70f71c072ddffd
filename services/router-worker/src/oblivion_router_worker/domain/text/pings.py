"""Finds words that a chat could take for a call to everybody, however they are disguised.

Slack turns a plainly typed @here into a live one where `link_names` or `parse=full` is set, and other
tools do it by themselves. Seen through full-width letters, any case and invisible characters.
The cure is a space after the @: it survives whatever strips invisible characters later.
"""

import re
import unicodedata
from collections.abc import Iterable

# No boundary after the word: "@hereabouts" may be cut to "@here" later.
_CALL = re.compile(r"@(?=here|channel|everyone|(?<!\w@)(?:group|all)\b)")
_AT_SIGNS = frozenset("@\uff20\ufe6b")
# Invisible without being of the category "format".
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u180b\u180c\u180d\u180f"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_VARIATION_SUPPLEMENT = range(0xE0100, 0xE01F0)


def calls_to_all(text: str) -> list[int]:
    """The positions of every @ that begins a call to everybody."""
    if not any(at in text for at in _AT_SIGNS):
        return []
    folded, origins = _fold(text)
    return [origins[match.start()] for match in _CALL.finditer(folded)]


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


def _fold(text: str) -> tuple[str, list[int]]:
    """What a tolerant reader sees, and from which position each of its characters comes."""
    folded: list[str] = []
    origins: list[int] = []
    for position, character in enumerate(text):
        if is_invisible(character):
            continue
        seen = character if character.isascii() else unicodedata.normalize("NFKC", character)
        for shown in seen.casefold():
            folded.append(shown)
            origins.append(position)
    return "".join(folded), origins


def is_invisible(character: str) -> bool:
    """Tell whether a reader would not notice the character (zero-width, variation selectors)."""
    if character.isascii():
        return character < " " and character not in "\t\n\r"
    return (
        character in _INVISIBLE
        or ord(character) in _VARIATION_SUPPLEMENT
        or unicodedata.category(character) in ("Cf", "Cc")
    )
