"""The server that the conformance suite expects, to be put behind the hub.

Names and behaviour are the suite's:
https://github.com/modelcontextprotocol/conformance/blob/main/SERVER_REQUIREMENTS.md
"""

import asyncio
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    INVALID_PARAMS,
    LOG_LEVEL_META_KEY,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    CompleteResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    LoggingMessageNotification,
    LoggingMessageNotificationParams,
    Prompt,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
    Tool,
)
from starlette.types import ASGIApp

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
STEP_S = 0.05

Context = ServerRequestContext[Any, Any]
Params = CallToolRequestParams
Answer = CallToolResult | InputRequiredResult
Behaviour = Callable[["Fixture", Context, Params], Awaitable[Answer]]


def said(*content: Mapping[str, Any]) -> CallToolResult:
    return CallToolResult.model_validate({"content": list(content)})


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image() -> dict[str, Any]:
    return {"type": "image", "data": PNG, "mimeType": "image/png"}


def embedded(uri: str, mime_type: str, words: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": words}}


def question(message: str, **properties: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sampling(words: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": text(words)}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": 100}}


ROOTS = {"method": "roots/list", "params": {}}
WHO = question("What is your name?", name="string")


def needs(requests: Mapping[str, Any], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult.model_validate({"inputRequests": dict(requests), "requestState": state})


class Fixture:
    """One such server."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._bus = InMemorySubscriptionBus()

    def app(self) -> ASGIApp:
        server: Server[Any] = Server(
            "mcp-conformance-fixture",
            version="1.0.0",
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_completion=self._complete,
            on_subscriptions_listen=ListenHandler(self._bus),
        )
        return server.streamable_http_app(stateless_http=True)

    def sealed(self, state: str) -> str:
        return f"{state}.{hmac.new(self._key, state.encode(), hashlib.sha256).hexdigest()}"

    def opened(self, sealed: str | None) -> str | None:
        """Raises: MCPError: it is none of ours."""
        if sealed is None:
            return None
        state = sealed.partition(".")[0]
        if not hmac.compare_digest(self.sealed(state), sealed):
            raise MCPError(INVALID_PARAMS, "This state is none of ours.")
        return state

    async def changed(self, event: Any) -> None:
        await self._bus.publish(event)

    async def _list_tools(self, _context: Context, _params: Any) -> ListToolsResult:
        return ListToolsResult(
            tools=[
                Tool(
                    name=name,
                    description=f"The suite's {name}.",
                    input_schema=SCHEMAS.get(name, NO_ARGUMENTS),
                )
                for name in TOOLS
            ]
        )

    async def _call_tool(self, context: Context, params: Params) -> Answer:
        behaviour = TOOLS.get(params.name)
        if behaviour is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name}.")
        return await behaviour(self, context, params)

    async def _list_resources(self, _context: Context, _params: Any) -> ListResourcesResult:
        return ListResourcesResult(
            resources=[
                Resource(uri=uri, name=name, description=name, mime_type=mime_type)
                for uri, (name, mime_type) in RESOURCES.items()
            ]
        )

    async def _list_templates(self, _context: Context, _params: Any) -> ListResourceTemplatesResult:
        template = ResourceTemplate(
            uri_template="test://template/{id}/data",
            name="Resource Template",
            description="A resource template with parameter substitution",
            mime_type="application/json",
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(
        self, _context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        uri = params.uri
        templated = re.fullmatch(r"test://template/([^/]+)/data", uri)
        if uri == "test://static-binary":
            return ReadResourceResult(
                contents=[BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)]
            )
        if templated is not None:
            named = templated[1]
            words = json.dumps({"id": named, "templateTest": True, "data": f"Data for ID: {named}"})
            return ReadResourceResult(
                contents=[TextResourceContents(uri=uri, mime_type="application/json", text=words)]
            )
        if uri not in RESOURCES:
            raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": uri})
        words = "This is the content of the static text resource."
        return ReadResourceResult(
            contents=[TextResourceContents(uri=uri, mime_type="text/plain", text=words)]
        )

    async def _list_prompts(self, _context: Context, _params: Any) -> ListPromptsResult:
        prompts = [
            {"name": name, "description": f"The suite's {name}.", "arguments": arguments}
            for name, arguments in PROMPTS.items()
        ]
        return ListPromptsResult(prompts=[Prompt.model_validate(each) for each in prompts])

    async def _get_prompt(
        self, _context: Context, params: GetPromptRequestParams
    ) -> GetPromptResult | InputRequiredResult:
        arguments = params.arguments or {}
        if params.name == "test_input_required_result_prompt":
            answer = answered(params.input_responses, "user_context")
            if answer is None:
                asked = question("What context should the prompt use?", context="string")
                return needs({"user_context": asked})
            return prompted(text(f"Use this context: {answer.get('context')}"))
        if params.name == "test_prompt_with_arguments":
            words = f"Prompt with arguments: arg1='{arguments.get('arg1')}', arg2='{arguments.get('arg2')}'"
            return prompted(text(words))
        if params.name == "test_prompt_with_embedded_resource":
            resource = embedded(
                arguments.get("resourceUri", ""), "text/plain", "Embedded resource content for testing."
            )
            return prompted(resource, text("Please process the embedded resource above."))
        if params.name == "test_prompt_with_image":
            return prompted(image(), text("Please analyze the image above."))
        return prompted(text("This is a simple prompt for testing."))

    async def _complete(self, _context: Context, _params: Any) -> CompleteResult:
        values = {"values": ["testValue1", "testValue2"], "total": 2, "hasMore": False}
        return CompleteResult.model_validate({"completion": values})


def prompted(*content: Mapping[str, Any]) -> GetPromptResult:
    return GetPromptResult.model_validate(
        {"messages": [{"role": "user", "content": each} for each in content]}
    )


def answered(responses: Mapping[str, Any] | None, key: str) -> Mapping[str, Any] | None:
    """What somebody filled in; None: nobody did."""
    response = (responses or {}).get(key)
    content = getattr(response, "content", None)
    return cast("Mapping[str, Any]", content) if isinstance(content, dict) else None


def always(*content: Mapping[str, Any]) -> Behaviour:
    async def behave(_fixture: Fixture, _context: Context, _params: Params) -> Answer:
        return said(*content)

    return behave


async def log(_fixture: Fixture, context: Context, _params: Params) -> Answer:
    is_wanted = LOG_LEVEL_META_KEY in cast("Mapping[str, Any]", context.meta or {})
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        notification = LoggingMessageNotification(
            params=LoggingMessageNotificationParams(level="info", data=words)
        )
        if is_wanted:
            await context.session.send_notification(notification, related_request_id=context.request_id)
        await asyncio.sleep(STEP_S)
    return said(text("It said what it did."))


async def progress(_fixture: Fixture, context: Context, _params: Params) -> Answer:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await asyncio.sleep(STEP_S)
    return said(text("It said how far it was."))


async def fail(_fixture: Fixture, _context: Context, _params: Params) -> Answer:
    words = "This tool intentionally returns an error for testing"
    return said(text(words)).model_copy(update={"is_error": True})


async def ask_first(_fixture: Fixture, _context: Context, params: Params) -> Answer:
    answer = answered(params.input_responses, "user_name")
    return needs({"user_name": WHO}) if answer is None else said(text(f"Hello, {answer.get('name')}!"))


async def ask_model(_fixture: Fixture, _context: Context, params: Params) -> Answer:
    response = (params.input_responses or {}).get("capital_question")
    if response is None:
        return needs({"capital_question": sampling("What is the capital of France?")})
    return said(text(f"The model says: {getattr(response, 'content', None)}"))


async def ask_roots(_fixture: Fixture, _context: Context, params: Params) -> Answer:
    response = (params.input_responses or {}).get("client_roots")
    if response is None:
        return needs({"client_roots": ROOTS})
    return said(text(f"Roots: {[str(root.uri) for root in getattr(response, 'roots', [])]}"))


async def keep_state(fixture: Fixture, _context: Context, params: Params) -> Answer:
    state, responses = fixture.opened(params.request_state), params.input_responses
    if state is None or not responses:
        return needs({"confirm": question("Please confirm", ok="boolean")}, fixture.sealed("confirm"))
    return said(text("state-ok"))


async def ask_much(fixture: Fixture, _context: Context, params: Params) -> Answer:
    asked = {"user_name": WHO, "greeting": sampling("Generate a greeting"), "client_roots": ROOTS}
    if fixture.opened(params.request_state) is None or asked.keys() - (params.input_responses or {}).keys():
        return needs(asked, fixture.sealed("much"))
    return said(text("Everything is there."))


async def ask_twice(fixture: Fixture, _context: Context, params: Params) -> Answer:
    state, responses = fixture.opened(params.request_state), params.input_responses or {}
    if state == "two" and "step2" in responses:
        return said(text("Both steps are done."))
    if state == "one" and "step1" in responses:
        asked = question("Step 2: What is your favorite color?", color="string")
        return needs({"step2": asked}, fixture.sealed("two"))
    return needs({"step1": question("Step 1: What is your name?", name="string")}, fixture.sealed("one"))


async def ask_what_they_can(_fixture: Fixture, context: Context, params: Params) -> Answer:
    if params.input_responses:
        return said(text("That will do."))
    able = cast("Mapping[str, Any]", context.meta or {}).get(CLIENT_CAPABILITIES_META_KEY) or {}
    asked = {"name": WHO} if "elicitation" in able else {}
    return needs({**asked, "greeting": sampling("Generate a greeting")} if "sampling" in able else asked)


async def need_sampling(_fixture: Fixture, context: Context, _params: Params) -> Answer:
    able = cast("Mapping[str, Any]", context.meta or {}).get(CLIENT_CAPABILITIES_META_KEY) or {}
    if "sampling" not in able:
        required = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", required)
    return said(text("It could."))


async def ask_back(_fixture: Fixture, context: Context, _params: Params) -> Answer:
    """As servers of the session era did: a request of their own, in the midst of a call."""
    if not context.session.can_send_request:
        return said(text("Nobody can be asked.")).model_copy(update={"is_error": True})
    return said(text("Somebody could be asked."))


async def change_tools(fixture: Fixture, _context: Context, _params: Params) -> Answer:
    await fixture.changed(ToolsListChanged())
    return said(text("The tools have changed."))


async def change_prompts(fixture: Fixture, _context: Context, _params: Params) -> Answer:
    await fixture.changed(PromptsListChanged())
    return said(text("The prompts have changed."))


NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
SCHEMAS: dict[str, dict[str, Any]] = {
    name: {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    for name, argument in {"test_sampling": "prompt", "test_elicitation": "message"}.items()
}
SCHEMAS["json_schema_2020_12_tool"] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
_ABOUT_DATA = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
_EMBEDDED = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
TOOLS: dict[str, Behaviour] = {
    "test_simple_text": always(text("This is a simple text response for testing.")),
    "test_image_content": always(image()),
    "test_audio_content": always({"type": "audio", "data": WAV, "mimeType": "audio/wav"}),
    "test_embedded_resource": always(_EMBEDDED),
    "test_multiple_content_types": always(text("Multiple content types test:"), image(), _ABOUT_DATA),
    "test_tool_with_logging": log,
    "test_logging_tool": log,
    "test_tool_with_progress": progress,
    "test_streaming_elicitation": progress,
    "test_error_handling": fail,
    "test_sampling": ask_back,
    "test_elicitation": ask_back,
    "test_elicitation_sep1034_defaults": ask_back,
    "test_elicitation_sep1330_enums": ask_back,
    "test_missing_capability": need_sampling,
    "test_trigger_tool_change": change_tools,
    "test_trigger_prompt_change": change_prompts,
    "test_input_required_result_elicitation": ask_first,
    "test_input_required_result_sampling": ask_model,
    "test_input_required_result_list_roots": ask_roots,
    "test_input_required_result_request_state": keep_state,
    "test_input_required_result_tampered_state": keep_state,
    "test_input_required_result_multiple_inputs": ask_much,
    "test_input_required_result_multi_round": ask_twice,
    "test_input_required_result_capabilities": ask_what_they_can,
    "json_schema_2020_12_tool": always(text("ok")),
}
RESOURCES = {
    "test://static-text": ("Static Text Resource", "text/plain"),
    "test://static-binary": ("Static Binary Resource", "image/png"),
    "test://watched-resource": ("Watched Resource", "text/plain"),
}


def _required(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "description": f"The suite's {name}.", "required": True} for name in names]


PROMPTS = {
    "test_simple_prompt": _required(),
    "test_prompt_with_arguments": _required("arg1", "arg2"),
    "test_prompt_with_embedded_resource": _required("resourceUri"),
    "test_prompt_with_image": _required(),
    "test_input_required_result_prompt": _required(),
}
