import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.testing import RunningSandbox

Eventually = Callable[..., Any]


class Listener:
    """slack_sdk's own Socket Mode client, which acknowledges unless told not to."""

    def __init__(self, app: dict[str, Any], sandbox: RunningSandbox) -> None:
        web = AsyncWebClient(token=app["bot_token"], base_url=sandbox.slack_api_url)
        self.client = SocketModeClient(app_token=app["app_token"], web_client=web)
        self.client.socket_mode_request_listeners.append(self._take)
        self.requests: list[SocketModeRequest] = []
        self.silent_times = 0
        self.answers: list[dict[str, Any]] = []

    async def _take(self, client: Any, request: SocketModeRequest) -> None:
        self.requests.append(request)
        if self.silent_times:
            self.silent_times -= 1
            return
        answer = self.answers.pop(0) if self.answers and request.accepts_response_payload else None
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload=answer))


@pytest.fixture
async def listener(sandbox: RunningSandbox) -> AsyncGenerator[Listener]:
    listener = Listener(await sandbox.control.slack.change_app(socket_mode=True), sandbox)
    await listener.client.connect()
    yield listener
    await listener.client.close()
    # The client leaves its session's transports to the loop's next turn.
    await asyncio.sleep(0)


async def test_events_come_over_the_socket(sandbox: RunningSandbox, listener: Listener):
    await sandbox.control.slack.post("launch", "hello")
    await sandbox.control.slack.delivered()
    request = listener.requests[0]
    assert request.type == "events_api"
    assert request.payload["event"]["text"] == "hello"
    assert request.payload["type"] == "event_callback"
    assert request.retry_attempt == 0
    assert await sandbox.control.slack.delivery_counts() == {"delivered": 1}


async def test_what_is_not_acknowledged_is_sent_again(sandbox: RunningSandbox, listener: Listener):
    listener.silent_times = 1
    await sandbox.control.slack.post("launch", "hello")
    await sandbox.control.slack.delivered()
    assert [request.retry_attempt for request in listener.requests] == [0, 1]
    assert listener.requests[1].retry_reason == "timeout"
    assert len({request.payload["event_id"] for request in listener.requests}) == 1
    assert len({request.envelope_id for request in listener.requests}) == 2


async def test_a_refresh_makes_the_client_come_back(
    sandbox: RunningSandbox, listener: Listener, eventually: Eventually
):
    first = listener.client.current_session
    await sandbox.control.slack.disconnect_sockets("refresh_requested")
    await eventually(lambda: listener.client.current_session is not first)
    await sandbox.control.slack.post("launch", "still there?")
    await sandbox.control.slack.delivered()
    assert listener.requests[-1].payload["event"]["text"] == "still there?"


async def test_a_warning_leaves_the_socket_in_use(sandbox: RunningSandbox, listener: Listener):
    await sandbox.control.slack.disconnect_sockets("warning")
    assert await sandbox.control.slack.socket_connections() == 1
    await sandbox.control.slack.post("launch", "last words")
    await sandbox.control.slack.delivered()
    assert listener.requests[0].payload["event"]["text"] == "last words"


async def test_without_a_socket_events_wait_for_their_retries(sandbox: RunningSandbox):
    await sandbox.control.slack.change_app(socket_mode=True)
    await sandbox.control.slack.post("launch", "hello")
    await sandbox.control.slack.delivered()
    delivery = (await sandbox.control.slack.deliveries())[0]
    assert (delivery["state"], delivery["last_error"]) == ("failed", "connection_failed")


async def test_a_slash_command_comes_over_the_socket_too(sandbox: RunningSandbox, listener: Listener):
    answer = await sandbox.control.slack.command("/oblivion", "help")
    assert answer["status"] == 200
    assert listener.requests[0].type == "slash_commands"
    assert listener.requests[0].payload["command"] == "/oblivion"


async def test_a_link_needs_socket_mode_and_works_once(sandbox: RunningSandbox):
    app = await sandbox.control.slack.app()
    web = AsyncWebClient(token=app["app_token"], base_url=sandbox.slack_api_url)
    with pytest.raises(SlackApiError) as refused:
        await web.apps_connections_open(app_token=app["app_token"])
    assert refused.value.response.data["error"] == "socket_mode_not_enabled"
    await sandbox.control.slack.change_app(socket_mode=True)
    opened = await web.apps_connections_open(app_token=app["app_token"])
    assert opened["url"].startswith(sandbox.base_url.replace("http", "ws"))
    async with httpx.AsyncClient(trust_env=False) as http:
        plain = await http.get(opened["url"].replace("ws", "http", 1))
    assert plain.status_code == 404


async def test_clicks_and_forms_come_over_the_socket_and_are_answered_in_the_acknowledgement(
    sandbox: RunningSandbox, listener: Listener
):
    app = await sandbox.control.slack.change_app(subscriptions=[])
    slack = AsyncWebClient(token=app["bot_token"], base_url=sandbox.slack_api_url)
    text = {"type": "plain_text", "text": "Go"}
    button = {"type": "button", "action_id": "go", "text": text}
    posted = await slack.chat_postMessage(
        channel="launch", text="x", blocks=[{"type": "actions", "elements": [button]}]
    )
    await sandbox.control.slack.press("launch", posted["ts"], "go")
    field = {
        "type": "input",
        "block_id": "b",
        "label": text,
        "element": {"type": "plain_text_input", "action_id": "a"},
    }
    view = {"type": "modal", "title": text, "submit": text, "blocks": [field]}
    opened = await slack.views_open(trigger_id=listener.requests[0].payload["trigger_id"], view=view)
    listener.answers = [
        {"response_action": "errors", "errors": {"b": "no"}},
        {"response_type": "ephemeral", "text": "Three agents."},
    ]
    refused = await sandbox.control.slack.submit(opened["view"]["id"], {"a": "x"})
    await sandbox.control.slack.command("/oblivion", "agents", channel="launch")
    assert [(request.type, request.accepts_response_payload) for request in listener.requests] == [
        ("interactive", True),
        ("interactive", True),
        ("slash_commands", True),
    ]
    assert refused["errors"] == {"b": "no"}
    assert "Three agents." in (await sandbox.control.slack.ephemerals("launch"))[0]["body"]


async def test_a_click_that_nobody_acknowledges_times_out_and_is_not_repeated(
    sandbox: RunningSandbox, listener: Listener
):
    message = await sandbox.control.slack.post("launch", "x")
    await sandbox.control.slack.delivered()
    listener.requests.clear()
    listener.silent_times = 1
    answer = await sandbox.control.slack.shortcut("oblivion_ask_agent", "launch", message["ts"])
    assert answer["error"] == "timeout"
    assert [request.type for request in listener.requests] == ["interactive"]
