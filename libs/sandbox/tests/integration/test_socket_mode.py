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

    async def _take(self, client: Any, request: SocketModeRequest) -> None:
        self.requests.append(request)
        if self.silent_times:
            self.silent_times -= 1
            return
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))


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
