"""The body of an event as an admin may read it: what people wrote stays, what opens doors does not.

Members are masked by name, and whatever looks like a secret by its shape, wherever it stands.
"""

import json
import re
from typing import Any, cast
from urllib.parse import parse_qsl

from oblivion_platform.redaction import REDACTED, Redactor

LENGTH_MAX = 256 * 1024
"""Characters; what is longer is cut."""
DEPTH_MAX = 64
_OPENS_DOORS = re.compile(
    r"token|secret|authorization|signature|password|cookie|api_?key|response_url|trigger_id", re.IGNORECASE
)
_redactor = Redactor()


def masked(body: bytes, content_type: str) -> str:
    """As text to read: JSON indented, the fields of a form one after another."""
    text = body.decode(errors="replace")
    if content_type.startswith("application/x-www-form-urlencoded"):
        shown = json.dumps(
            {name: _value(_parsed(value), name) for name, value in parse_qsl(text)},
            indent=2,
            ensure_ascii=False,
        )
    else:
        parsed = _parsed(text)
        shown = (
            _redactor.text(text)
            if isinstance(parsed, str)
            else json.dumps(_value(parsed), indent=2, ensure_ascii=False)
        )
    return shown if len(shown) <= LENGTH_MAX else f"{shown[:LENGTH_MAX]}… ({len(shown)} characters)"


def _parsed(text: str) -> Any:
    """What the text says as JSON; the text itself if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return cast("Any", found) if isinstance(found, dict | list) else text


def _value(value: Any, name: str = "", depth: int = 0) -> Any:
    if _OPENS_DOORS.search(name) or depth > DEPTH_MAX:
        return REDACTED
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {_redactor.text(key): _value(each, key, depth + 1) for key, each in members.items()}
    if isinstance(value, list):
        return [_value(each, "", depth + 1) for each in cast("list[Any]", value)]
    return _redactor.text(value) if isinstance(value, str) else value
