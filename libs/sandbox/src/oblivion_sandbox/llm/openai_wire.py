"""OpenAI's chat completions: requests read into prompts, replies written whole or as a stream.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from oblivion_sandbox.clock import now_s
from oblivion_sandbox.json_values import as_list, as_object, as_objects
from oblivion_sandbox.llm.prompt import Choice, Prompt, Reply, Role, Tool, ToolCall, Turn, tokens
from oblivion_sandbox.store import Json, dumps

_ROLES: dict[str, Role] = {
    "developer": "system",
    "system": "system",
    "assistant": "assistant",
    "tool": "tool",
}
_PIECE = re.compile(r"\S+\s*(?:\S+\s*){0,2}|\s+")


class BadRequest(ValueError):
    """The request is none that the protocol knows; nothing was answered."""


def read(body: Json) -> Prompt:
    """A request as a prompt.

    Raises:
        BadRequest: no messages, or one without a role.
    """
    messages = as_list(body.get("messages"))
    if not messages:
        raise BadRequest("'messages' must be a non-empty array")
    names: dict[str, str] = {}
    turns = tuple(_turn(message, names) for message in messages)
    choice, forced = _choice(body.get("tool_choice"))
    return Prompt(
        model=str(body.get("model") or "sandbox"),
        turns=turns,
        tools=tuple(_tool(each) for each in as_objects(body.get("tools"))),
        choice=choice,
        forced=forced,
        answer_schema=_answer_schema(body.get("response_format")),
    )


def _turn(message: Any, names: dict[str, str]) -> Turn:
    if not isinstance(message, dict) or not isinstance(cast("Json", message).get("role"), str):
        raise BadRequest("each message must be an object with a 'role'")
    known = cast("Json", message)
    calls = tuple(_call(each) for each in as_objects(known.get("tool_calls")))
    names.update({call.id: call.name for call in calls})
    name = str(known.get("name") or names.get(str(known.get("tool_call_id")), ""))
    return Turn(_ROLES.get(known["role"], "user"), text_of(known.get("content")), name, calls)


def text_of(content: object) -> str:
    """The text of a message's content, given as a string or as parts."""
    if isinstance(content, str):
        return content
    return "\n".join(text_of(part.get("text", part.get("content"))) for part in as_objects(content))


def _call(given: Json) -> ToolCall:
    function = as_object(given.get("function"))
    try:
        arguments = as_object(json.loads(function.get("arguments") or "{}"))
    except ValueError:
        arguments = {}
    return ToolCall(str(given.get("id", "")), str(function.get("name", "")), arguments)


def _tool(given: Json) -> Tool:
    function = as_object(given.get("function"))
    if not function.get("name"):
        raise BadRequest("each tool must be a function with a 'name'")
    return Tool(
        function["name"], str(function.get("description") or ""), as_object(function.get("parameters"))
    )


def _choice(given: object) -> tuple[Choice, str | None]:
    if function := as_object(as_object(given).get("function")):
        return "required", str(function.get("name", "")) or None
    return (
        ("none", None) if given == "none" else ("required", None) if given == "required" else ("auto", None)
    )


def _answer_schema(given: object) -> Json | None:
    if not isinstance(given, dict):
        return None
    known = cast("Json", given)
    if known.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    return as_object(as_object(known.get("json_schema")).get("schema")) or None


def usage(prompt: Prompt, reply: Reply) -> Json:
    """Rough counts, of the shape that clients add up."""
    tools = sum(tokens(dumps(tool.schema) + tool.description) for tool in prompt.tools)
    given = sum(tokens(turn.text) + 4 for turn in prompt.turns) + tools
    said = tokens(reply.text) + sum(tokens(call.name + call.written) for call in reply.calls)
    return {
        "prompt_tokens": given,
        "completion_tokens": said,
        "total_tokens": given + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def whole(prompt: Prompt, reply: Reply, answer_id: str) -> Json:
    """The answer in one piece."""
    message: Json = {"role": "assistant", "content": None if reply.calls else reply.text, "refusal": None}
    if reply.calls:
        message["tool_calls"] = [_call_json(call) for call in reply.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
    return _envelope("chat.completion", prompt, answer_id) | {
        "choices": [choice],
        "usage": usage(prompt, reply),
    }


def _call_json(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.written}
    return {"id": call.id, "type": "function", "function": function}


def _envelope(kind: str, prompt: Prompt, answer_id: str) -> Json:
    return {
        "id": f"chatcmpl-{answer_id}",
        "object": kind,
        "created": now_s(),
        "model": prompt.model,
        "system_fingerprint": "fp_sandbox",
    }


def streamed(prompt: Prompt, reply: Reply, answer_id: str, *, with_usage: bool) -> Iterator[str]:
    """The answer as server-sent events, a few words at a time."""
    envelope = _envelope("chat.completion.chunk", prompt, answer_id)

    def event(delta: Json, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(envelope | {"choices": [choice]} | ({"usage": None} if with_usage else {}))

    yield event({"role": "assistant", "content": None if reply.calls else ""})
    for piece in pieces(reply.text):
        yield event({"content": piece})
    for index, call in enumerate(reply.calls):
        function = {"name": call.name, "arguments": ""}
        yield event(
            {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]}
        )
        for piece in pieces(call.written):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield event({}, reply.finish)
    if with_usage:
        yield sse(envelope | {"choices": [], "usage": usage(prompt, reply)})
    yield "data: [DONE]\n\n"


def pieces(text: str) -> list[str]:
    """A text in pieces of up to three words."""
    return _PIECE.findall(text)


def sse(data: Json, event: str | None = None) -> str:
    return (f"event: {event}\n" if event else "") + f"data: {dumps(data)}\n\n"


def refusal(message: str, kind: str, code: str | None = None) -> Json:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
