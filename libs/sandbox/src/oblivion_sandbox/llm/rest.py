"""/llm/v1/*: chat completions, messages and models, whole or streamed, and spoiled on command.

Any key is accepted. A rule's `match` is a glob over the endpoint (`chat.completions`, `messages`), the model
(`model:sandbox`) or a tool on offer (`tool:route_to_agent`).
"""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from oblivion_sandbox.llm import anthropic_wire, openai_wire
from oblivion_sandbox.llm.nonsense import DEFAULT, spoiled
from oblivion_sandbox.llm.openai_wire import BadRequest
from oblivion_sandbox.llm.prompt import Prompt, Reply
from oblivion_sandbox.llm.service import Llm
from oblivion_sandbox.misbehave import ABORT_EXTENSION, CutConnection, Rule, spoil
from oblivion_sandbox.store import Json, dumps

AT = "/llm/v1"
MODELS = ("sandbox",)
FLUSH_S = 0.02


@dataclass(frozen=True)
class Protocol:
    """How one provider words requests, answers and refusals."""

    name: str
    wire: ModuleType
    refusal: Callable[[int, str], Json]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    request: Request
    body: Json
    prompt: Prompt
    rule: Rule | None

    def detail(self, name: str, default: Any) -> Any:
        return default if self.rule is None else self.rule.details.get(name, default)


class LlmRest:
    """The endpoints of the model."""

    def __init__(self, llm: Llm) -> None:
        self._llm = llm

    def routes(self) -> list[Route]:
        return [
            Route(f"{AT}/chat/completions", self._endpoint(OPENAI), methods=["POST"]),
            Route(f"{AT}/messages", self._endpoint(ANTHROPIC), methods=["POST"]),
            Route(f"{AT}/models", self._models),
            Route(f"{AT}/models/{{model}}", self._model),
        ]

    async def _models(self, _request: Request) -> Response:
        return _json({"object": "list", "data": [_model_json(name) for name in MODELS]})

    async def _model(self, request: Request) -> Response:
        return _json(_model_json(request.path_params["model"]))

    def _endpoint(self, protocol: Protocol) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            self._llm.calls[protocol.name] += 1
            try:
                body = await _body(request)
                prompt: Prompt = protocol.wire.read(body)
            except BadRequest as refused:
                return _json(protocol.refusal(400, str(refused)), 400)
            names = (protocol.name, f"model:{prompt.model}", *(f"tool:{tool.name}" for tool in prompt.tools))
            rule = self._llm.misbehaviour.pick("llm", "call", *names)
            return await self._spoiled(protocol, Asked(request, body, prompt, rule))

        return endpoint

    async def _spoiled(self, protocol: Protocol, asked: Asked) -> Response:
        async def handle(_request: Request) -> Response:
            return self._answer(protocol, asked)

        def limited(details: Json) -> Response:
            headers = {"Retry-After": str(details.get("retry_after", 1))}
            return _json(protocol.refusal(429, "Rate limit reached for the sandbox's model."), 429, headers)

        def refused(details: Json) -> Response:
            status = int(details.get("status", 503))
            return _json(
                protocol.refusal(status, str(details.get("err", "The server is overloaded."))), status
            )

        return await spoil(asked.rule, asked.request, handle, {"rate_limited": limited, "error": refused})

    def _answer(self, protocol: Protocol, asked: Asked) -> Response:
        reply = self._llm.answer(asked.prompt)
        action = None if asked.rule is None else asked.rule.action
        how = str(asked.detail("how", DEFAULT)) if action == "nonsense" else ""
        if how:
            reply = spoiled(asked.prompt, reply, how)
        if how == "invalid_json":
            return Response('{"id": "broken", "choices": [{"mess', media_type="application/json")
        if asked.body.get("stream"):
            return self._stream(
                _events(protocol, asked, reply, empty=how == "empty"), asked, cut=action == "stream_cut"
            )
        if action == "stream_cut":
            return CutConnection()
        answer: Json = protocol.wire.whole(asked.prompt, reply, secrets.token_hex(12))
        return _json(answer | ({"choices": [], "content": []} if how == "empty" else {}))

    def _stream(self, events: list[str], asked: Asked, *, cut: bool) -> Response:
        pause_s = float(asked.detail("chunk_seconds", self._llm.chunk_s))
        whole = len(events) // 2 if cut else len(events)

        async def send() -> AsyncGenerator[str]:
            for event in events[:whole]:
                yield event
                await asyncio.sleep(pause_s)
            if cut:
                await asyncio.sleep(FLUSH_S)
                asked.request.scope["extensions"][ABORT_EXTENSION]()

        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(send(), media_type="text/event-stream", headers=headers)


def _events(protocol: Protocol, asked: Asked, reply: Reply, *, empty: bool) -> list[str]:
    answer_id = secrets.token_hex(12)
    if protocol is ANTHROPIC:
        events: Iterator[str] = anthropic_wire.streamed(asked.prompt, Reply() if empty else reply, answer_id)
        return [event for event in events if not empty or "content_block" not in event]
    options: Json = asked.body.get("stream_options") or {}
    with_usage = bool(options.get("include_usage"))
    events = openai_wire.streamed(asked.prompt, reply, answer_id, with_usage=with_usage)
    return ["data: [DONE]\n\n"] if empty else list(events)


async def _body(request: Request) -> Json:
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise BadRequest("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body must be an object")
    return cast("Json", value)


def _model_json(name: str) -> Json:
    # Fields of both providers' model objects.
    return {
        "id": name,
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "oblivion-sandbox",
        "type": "model",
        "display_name": "Oblivion sandbox model",
        "created_at": "2023-11-14T22:13:20Z",
    }


def _openai_refusal(status: int, message: str) -> Json:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_exceeded"}
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    return openai_wire.refusal(message, kinds.get(status, "server_error"), codes.get(status))


def _anthropic_refusal(status: int, message: str) -> Json:
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
    return anthropic_wire.refusal(message, kinds.get(status, "api_error"))


OPENAI = Protocol("chat.completions", openai_wire, _openai_refusal)
ANTHROPIC = Protocol("messages", anthropic_wire, _anthropic_refusal)


def _json(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    known = {"x-request-id": f"req_{secrets.token_hex(8)}", **(headers or {})}
    return Response(dumps(body), status, known, "application/json")
