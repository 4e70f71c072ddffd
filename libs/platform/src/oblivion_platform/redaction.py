"""Keeps secrets and message bodies out of what is written down: log lines, stored failures, problem details.

Three nets, each for what slips through the others: names of fields that hold secrets, shapes of known secrets
inside any text (exceptions' too), and the exact secret values of this process's settings.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

REDACTED = "[redacted]"
MAX_TEXT_CHARS = 20_000

_SECRET_NAMES = re.compile(
    r"(?:^|[_\-.])(?:tokens?|secrets?|authorization|signatures?|bod(?:y|ies)|passwords?|passwd|pwd|cookies?"
    r"|credentials?|api_?keys?|master_?keys?(?:_previous)?|signing_?keys?(?:_previous)?|private_?keys?"
    r"|plaintext|text|payload|dsn)(?:$|[_\-.])",
    re.IGNORECASE,
)

_SHAPES = [
    # Slack: bot, user, app, refresh and configuration tokens, and whatever letter comes next.
    (re.compile(r"\bx(?:ox[a-z]|app|oxe\.xox[a-z])[-.][\w.%-]+", re.IGNORECASE), REDACTED),
    # Slack: signatures, incoming webhooks and Socket Mode tickets.
    (re.compile(r"\bv0=[0-9a-f]+", re.IGNORECASE), REDACTED),
    (re.compile(r"(hooks\.slack\.com/\w+)/[\w/-]+", re.IGNORECASE), rf"\1/{REDACTED}"),
    (
        re.compile(r"([?&](?:ticket|token|access_token|code|client_secret|signature)=)[^&\s\"']+", re.I),
        rf"\1{REDACTED}",
    ),
    # ClickUp: personal tokens.
    (re.compile(r"\bpk_\w+", re.IGNORECASE), REDACTED),
    # HMACs and keys in hexadecimal.
    (re.compile(r"\b[0-9a-f]{64}\b", re.IGNORECASE), REDACTED),
    (re.compile(r"\b(Bearer|Basic)\s+[^\s\"',}]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    # The password of any URL.
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"\bpassword\s*=\s*('[^']*'|\S+)", re.IGNORECASE), f"password={REDACTED}"),
    # What Pydantic, SQLAlchemy and Postgres quote of the data they refuse.
    (re.compile(r"input_value=.*?(?=, input_type=|$)", re.MULTILINE), f"input_value={REDACTED}"),
    (re.compile(r"\[parameters: .*?(?=\n\(Background on|\Z)", re.DOTALL), f"[parameters: {REDACTED}]"),
    (re.compile(r"^(\s*(?:DETAIL|CONTEXT)): .*$", re.MULTILINE), rf"\1: {REDACTED}"),
]


class Redactor:
    """Redacts values by name, shape and identity. `known_secrets` are replaced wherever they appear."""

    # Shorter ones would blank out ordinary words.
    _SHORTEST_SECRET_CHARS = 8

    def __init__(self, known_secrets: Iterable[str] = ()) -> None:
        secrets = {secret for secret in known_secrets if len(secret) >= self._SHORTEST_SECRET_CHARS}
        longest_first = sorted(secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """`text` without secrets; what is longer than any sensible message is cut."""
        if len(text) > MAX_TEXT_CHARS:
            text = f"{text[:MAX_TEXT_CHARS]}… ({len(text)} characters)"
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text

    def value(self, value: object, name: str = "") -> Any:
        """`value` as plain data without secrets: what is not plain becomes its redacted text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if name and _SECRET_NAMES.search(name):
            return REDACTED
        if isinstance(value, bytes | bytearray):
            return f"[{len(value)} bytes]"
        if isinstance(value, Mapping):
            return self.mapping(cast("Mapping[object, object]", value))
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in cast("Iterable[object]", value)]
        return self.text(str(value))

    def mapping(self, mapping: Mapping[object, object]) -> dict[str, Any]:
        return {self.text(str(key)): self.value(item, str(key)) for key, item in mapping.items()}
