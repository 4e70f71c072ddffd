"""Requests that need more than one round: what a server may ask for, before it answers.

Source: https://modelcontextprotocol.io/specification/2026-07-28 (SEP-2322)
"""

from collections.abc import Mapping
from typing import Any

from mcp_types import InputRequiredResult

_CAPABILITY = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}


def asks_too_much(result: InputRequiredResult, can_be_asked: Mapping[str, Any] | None) -> bool:
    """Whether it is more than the caller said they can be asked; None: they know no further rounds at all."""
    if can_be_asked is None:
        return True
    methods = {each.method for each in (result.input_requests or {}).values()}
    return any(_CAPABILITY.get(method) not in can_be_asked for method in methods)
