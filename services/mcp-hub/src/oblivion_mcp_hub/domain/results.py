"""What a call comes back as: results within their size, failures and ages in words for a model."""

from collections.abc import Sequence
from typing import Any

from mcp_types import CallToolResult, ContentBlock, Result, TextContent

from oblivion_contracts.tool_use import AGE_KEY, APPROVAL_KEY

MAYBE_DONE = "It may have been carried out: look whether it was before you call it again."


def failure(sentence: str) -> CallToolResult:
    """A failure that the model hears and can act on."""
    return CallToolResult(content=[TextContent(text=sentence)], is_error=True)


def maybe_done(sentence: str) -> CallToolResult:
    """A failure after which nobody here knows whether the change was made."""
    return failure(f"{sentence} {MAYBE_DONE}")


def approval_needed(sentence: str) -> CallToolResult:
    """A failure that a person's approval would mend."""
    return failure(sentence).model_copy(update={"meta": {APPROVAL_KEY: True}})


def size_of(result: Result) -> int:
    """Bytes on the wire, of what belongs to the server."""
    return len(result.model_dump_json(by_alias=True, exclude_none=True))


def aged(result: CallToolResult, age_s: float, why: str) -> CallToolResult:
    """An earlier result with its age, in place of one that cannot be had."""
    minutes = round(age_s / 60)
    age = f"{minutes} minutes" if minutes > 1 else f"{round(age_s)} seconds"
    note = TextContent(text=f"This is what it answered {age} ago. {why}")
    content: Sequence[ContentBlock] = [note, *result.content]
    meta: dict[str, Any] = {**(result.meta or {}), AGE_KEY: round(age_s)}
    return result.model_copy(update={"content": list(content), "meta": meta})
