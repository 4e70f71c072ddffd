"""Anthropic's messages: requests read into prompts, replies written whole or as a stream.

Source: https://docs.anthropic.com/en/api/messages
"""

from collections.abc import Iterator
from typing import Any, cast

from oblivion_sandbox.json_values import as_list, as_object, as_objects
from oblivion_sandbox.llm.openai_wire import BadRequest, pieces, sse, text_of, usage
from oblivion_sandbox.llm.prompt import Choice, Prompt, Reply, Role, Tool, ToolCall, Turn
from oblivion_sandbox.store import Json, dumps


def read(body: Json) -> Prompt:
    """A request as a prompt.

    Raises:
        BadRequest: no messages, no max_tokens, or a message that is no object.
    """
    messages = as_list(body.get("messages"))
    if not messages:
        raise BadRequest("messages: at least one message is required")
    if not isinstance(body.get("max_tokens"), int):
        raise BadRequest("max_tokens: Field required")
    names: dict[str, str] = {}
    turns = [Turn("system", text_of(body["system"]))] if body.get("system") else []
    for message in messages:
        turns += _turns(message, names)
    choice, forced = _choice(body.get("tool_choice"))
    tools = [_tool(each) for each in as_objects(body.get("tools"))]
    return Prompt(str(body.get("model") or "sandbox"), tuple(turns), tuple(tools), choice, forced)


def _turns(message: Any, names: dict[str, str]) -> list[Turn]:
    """One message is a turn of its own, and one more for each tool result in it."""
    if not isinstance(message, dict):
        raise BadRequest("messages: each must be an object")
    known = cast("Json", message)
    role: Role = "assistant" if known.get("role") == "assistant" else "user"
    content = known.get("content")
    if isinstance(content, str):
        return [Turn(role, content)]
    parts = as_objects(content)
    uses = [part for part in parts if part.get("type") == "tool_use"]
    calls = tuple(
        ToolCall(str(use.get("id")), str(use.get("name")), as_object(use.get("input"))) for use in uses
    )
    names.update({call.id: call.name for call in calls})
    results = [part for part in parts if part.get("type") == "tool_result"]
    turns = [
        Turn("tool", text_of(part.get("content")), names.get(str(part.get("tool_use_id")), ""))
        for part in results
    ]
    text = "\n".join(str(part["text"]) for part in parts if part.get("type") == "text" and part.get("text"))
    return turns + ([Turn(role, text, calls=calls)] if text or calls else [])


def _tool(given: Json) -> Tool:
    if not given.get("name"):
        raise BadRequest("tools: name: Field required")
    return Tool(str(given["name"]), str(given.get("description") or ""), as_object(given.get("input_schema")))


def _choice(given: object) -> tuple[Choice, str | None]:
    kind = as_object(given).get("type")
    if kind == "tool":
        return "required", str(as_object(given).get("name", "")) or None
    return ("required", None) if kind == "any" else ("none", None) if kind == "none" else ("auto", None)


def _usage(prompt: Prompt, reply: Reply) -> Json:
    counted = usage(prompt, reply)
    return {
        "input_tokens": counted["prompt_tokens"],
        "output_tokens": counted["completion_tokens"],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }


def _blocks(reply: Reply) -> list[Json]:
    uses = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        for call in reply.calls
    ]
    return uses or [{"type": "text", "text": reply.text}]


def whole(prompt: Prompt, reply: Reply, answer_id: str) -> Json:
    """The answer in one piece."""
    return {
        "id": f"msg_{answer_id}",
        "type": "message",
        "role": "assistant",
        "model": prompt.model,
        "content": _blocks(reply),
        "stop_reason": "tool_use" if reply.calls else "end_turn",
        "stop_sequence": None,
        "usage": _usage(prompt, reply),
    }


def streamed(prompt: Prompt, reply: Reply, answer_id: str) -> Iterator[str]:
    """The answer as named events, a few words at a time."""
    answer = whole(prompt, reply, answer_id)
    opening: Json = answer | {
        "content": [],
        "stop_reason": None,
        "usage": answer["usage"] | {"output_tokens": 1},
    }
    yield sse({"type": "message_start", "message": opening}, "message_start")
    for index, block in enumerate(_blocks(reply)):
        yield from _block_events(index, block)
    ending = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    used = {"output_tokens": answer["usage"]["output_tokens"]}
    yield sse({"type": "message_delta", "delta": ending, "usage": used}, "message_delta")
    yield sse({"type": "message_stop"}, "message_stop")


def _block_events(index: int, block: Json) -> Iterator[str]:
    is_text = block["type"] == "text"
    empty: Json = block | ({"text": ""} if is_text else {"input": {}})
    yield sse({"type": "content_block_start", "index": index, "content_block": empty}, "content_block_start")
    for piece in pieces(block["text"] if is_text else dumps(block["input"])):
        delta = (
            {"type": "text_delta", "text": piece}
            if is_text
            else {"type": "input_json_delta", "partial_json": piece}
        )
        yield sse({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")
    yield sse({"type": "content_block_stop", "index": index}, "content_block_stop")


def refusal(message: str, kind: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": message}}
