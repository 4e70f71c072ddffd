"""Texts from outside, cut to a length and freed of what no text should hold."""

import re

TITLE_LENGTH_MAX = 500
TEXT_LENGTH_MAX = 20_000
# Control characters, marks that turn the direction of what follows or cannot be seen, halves of characters.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)


def one_line(text: object, most: int = TITLE_LENGTH_MAX) -> str:
    """On one line, without unseen characters; empty for what is no text."""
    flat = " ".join(_UNSEEN.sub(" ", text if isinstance(text, str) else "").split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def body(text: object, most: int = TEXT_LENGTH_MAX) -> str:
    """Of any number of lines; says where it was cut."""
    clean = _UNSEEN.sub("", text if isinstance(text, str) else "")
    return clean if len(clean) <= most else f"{clean[:most]}\n… (cut: {len(clean) - most} more characters)"
