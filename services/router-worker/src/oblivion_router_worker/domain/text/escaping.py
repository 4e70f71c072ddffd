"""The three characters that Slack escapes, and characters that belong in no message.

Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

import re

_ENTITY = re.compile(r"&(amp|lt|gt);")
_ENTITY_TEXT = {"amp": "&", "lt": "<", "gt": ">"}
_STRAY_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
# Control characters but tab and newline, and halves of surrogate pairs, which no UTF-8 can carry.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_BREAK = re.compile("\r\n|\r|\u2028|\u2029|\x85|\x0b|\x0c")


def clean(text: str) -> str:
    """Drop control characters and broken surrogates; every line break becomes a newline."""
    return _UNWANTED.sub("", _LINE_BREAK.sub("\n", text))


def escape(text: str) -> str:
    """Plain text -> Slack text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_stray(text: str) -> str:
    """Escape what is not escaped yet; existing entities stay."""
    return _STRAY_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Slack text -> plain text, once: "&amp;lt;" becomes "&lt;"."""
    return _ENTITY.sub(lambda match: _ENTITY_TEXT[match[1]], text)
