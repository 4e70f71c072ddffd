"""The sandbox as a process of its own, killed at a random moment under load."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_platform.testing import PATIENCE_S, eventually
from oblivion_sandbox.control import SandboxControl
from oblivion_sandbox.testing import RunningSandbox, running_sandbox


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Process:
    """`python -m oblivion_sandbox` on a fixed port and directory."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = os.environ | {
            "PORT": str(self.port),
            "OBLIVION_SANDBOX_DIR": str(directory),
            "OBLIVION_SANDBOX_LIMITS_SCALE": "0",
            "OBLIVION_SANDBOX_RETRY_SCALE": "0.005",
            **settings,
        }
        self._log = directory.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
                [sys.executable, "-m", "oblivion_sandbox"],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False, verify=False) as http:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_S)

    def said(self) -> str:
        return self._log.read_text("utf-8")

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


@pytest.fixture
async def process(tmp_path: Path) -> AsyncGenerator[Process]:
    process = Process(tmp_path / "state")
    await process.start()
    yield process
    process.end()


async def post_until_killed(url: str, token: str, writer: int, confirmed: list[str]) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        with contextlib.suppress(aiohttp.ClientError):
            for number in range(100_000):
                body = {"channel": "launch", "text": f"{writer}-{number}"}
                async with session.post(f"{url}/slack/api/chat.postMessage", json=body) as response:
                    answer = await response.json()
                assert answer["ok"], answer
                confirmed.append(body["text"])


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_was_answered_is_there_after_a_kill_and_its_events_are_still_delivered(
    process: Process, receiver: Any, seed: int
):
    async with SandboxControl(process.url) as control:
        app = await control.slack.change_app(request_url=receiver.url)
    confirmed: list[str] = []
    writers = [
        asyncio.create_task(post_until_killed(process.url, app["bot_token"], n, confirmed)) for n in range(8)
    ]
    await eventually(lambda: bool(confirmed))
    await asyncio.sleep(random.Random(seed).uniform(0.2, 0.6))
    process.kill()
    await asyncio.gather(*writers)

    await process.start()
    async with SandboxControl(process.url) as control:
        stored = [entry["message"]["text"] for entry in await control.slack.messages("launch")]
        assert set(confirmed) <= set(stored)
        assert len(stored) == len(set(stored))
        await control.slack.delivered(20)
        assert set(await control.slack.delivery_counts()) == {"delivered"}
    told = [event["text"] for event in receiver.events()]
    # An event whose answer was cut off by the kill is sent again, as by the real one.
    assert set(told) == set(stored)


async def create_tasks_until_killed(
    url: str, owner: dict[str, Any], list_id: str, confirmed: set[str]
) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": owner["token"]}) as session:
        with contextlib.suppress(aiohttp.ClientError):
            for number in range(100_000):
                path = f"{url}/clickup/api/v2/list/{list_id}/task"
                async with session.post(path, json={"name": str(number)}) as response:
                    task = await response.json()
                confirmed.add(task["id"])
                path = f"{url}/clickup/api/v2/task/{task['id']}/comment"
                async with session.post(path, json={"comment_text": "noted"}) as response:
                    confirmed.add(str((await response.json())["id"]))


async def test_tasks_and_comments_that_were_answered_are_there_after_a_kill(process: Process):
    async with SandboxControl(process.url) as control:
        await control.clickup.limit(0)
        owner, list_id = await control.clickup.owner(), (await control.clickup.lists())["Ideas"]
    confirmed: set[str] = set()
    writers = [
        asyncio.create_task(create_tasks_until_killed(process.url, owner, list_id, confirmed))
        for _ in range(8)
    ]
    await eventually(lambda: len(confirmed) > 100)
    process.kill()
    await asyncio.gather(*writers)

    await process.start()
    async with SandboxControl(process.url) as control:
        tasks = await control.clickup.tasks(list_id)
        comments = await control.clickup.comments()
        assert (await control.clickup.owner())["token"] == owner["token"]
    assert confirmed <= {str(each["id"]) for each in (*tasks, *comments)}


async def test_events_wait_for_their_receiver_across_a_restart(process: Process, receiver: Any):
    async with SandboxControl(process.url) as control:
        await control.slack.change_app(request_url="http://127.0.0.1:9/")
        await control.slack.post("launch", "hold on")
    process.kill()
    await process.start()
    async with SandboxControl(process.url) as control:
        await control.slack.change_app(request_url=receiver.url)
        await control.slack.delivered(20)
        assert (await control.slack.deliveries())[0]["attempts"] > 1
    assert [event["text"] for event in receiver.events()] == ["hold on"]
    assert int(receiver.requests[0].headers["X-Slack-Retry-Num"]) >= 1


async def test_it_stops_promptly_even_with_a_page_open(process: Process):
    async with aiohttp.ClientSession() as session, session.get(f"{process.url}/slack/live") as stream:
        assert (await stream.content.readline()).startswith(b"data:")
        assert await asyncio.to_thread(process.stop) == 0
    assert "service stopped" in process.said()
    assert "graceful shutdown exceeded" not in process.said(), "it waited for the page"


async def test_tokens_and_secrets_are_made_once(tmp_path: Path):
    async with running_sandbox(tmp_path) as first:
        before = await first.control.slack.app(), await first.control.clickup.owner()
    async with running_sandbox(tmp_path) as second:
        assert (await second.control.slack.app(), await second.control.clickup.owner()) == before
    async with running_sandbox(tmp_path / "other") as other:
        assert (await other.control.slack.app())["signing_secret"] != before[0]["signing_secret"]


async def test_the_base_url_sets_the_first_request_url_and_all_links(tmp_path: Path):
    async with running_sandbox(tmp_path, base_url="http://localhost:8300/") as sandbox:
        app = await sandbox.control.slack.app()
        task = (await sandbox.control.clickup.tasks())[0]
    assert app["request_url"] == "http://localhost:8300/webhooks/slack"
    assert task["url"] == f"http://localhost:8300/clickup/t/{task['id']}"


def test_production_is_refused_with_a_sentence(tmp_path: Path):
    environment = os.environ | {"OBLIVION_ENVIRONMENT": "production", "OBLIVION_SANDBOX_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "oblivion_sandbox"]
    refused = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert "OBLIVION_SLACK_API_URL" in refused.stderr
    assert list(tmp_path.iterdir()) == []


async def test_what_agents_left_in_slack_is_there_after_a_restart(tmp_path: Path):
    async with running_sandbox(tmp_path) as first:
        slack = await client_of(first)
        users = await first.control.slack.users()
        channel = await first.control.slack.dm()
        root = await first.control.slack.post(channel, "question")
        await slack.agents_sessions_setStatus(channel_id=channel, thread_ts=root["ts"], status="suspended")
        begun = await slack.chat_startStream(channel=channel, thread_ts=root["ts"], markdown_text="half ")
        await slack.views_publish(
            user_id=users["you"], view={"type": "home", "blocks": [{"type": "divider"}]}
        )
    async with running_sandbox(tmp_path) as second:
        slack = await client_of(second)
        await slack.chat_stopStream(channel=channel, ts=begun["ts"], markdown_text="whole")
        status = await second.control.slack.session_status(channel, root["ts"])
        home = (await second.control.slack.views())["home"]
        thread = await second.control.slack.thread(channel, root["ts"])
        assert (await second.control.slack.dm(), status) == (channel, "suspended")
    assert [message["text"] for message in thread] == ["half whole"]
    assert home["blocks"][0]["type"] == "divider"


async def test_a_state_of_before_agents_is_granted_what_they_need(tmp_path: Path):
    async with running_sandbox(tmp_path) as first:
        token = (await first.control.slack.app())["bot_token"]
    with contextlib.closing(sqlite3.connect(tmp_path / "sandbox.db")) as database, database:
        row = database.execute("SELECT value FROM settings WHERE name = 'slack.app'").fetchone()
        app = json.loads(row[0])
        old = {name: app[name] for name in app if name not in ("manifest", "commands", "shortcuts")}
        old |= {"scopes": ["chat:write"], "subscriptions": ["app_mention"]}
        database.execute("UPDATE settings SET value = ? WHERE name = 'slack.app'", (json.dumps(old),))
        database.execute("DELETE FROM clickup_users WHERE username = 'oblivion'")
    async with running_sandbox(tmp_path) as second:
        app = await second.control.slack.app()
        people = await second.control.clickup.users()
    assert app["bot_token"] == token
    assert {"assistant:write", "im:history"} <= set(app["scopes"])
    assert {"agent_session_stopped", "message.im"} <= set(app["subscriptions"])
    assert app["commands"] == ["/oblivion"]
    assert "oblivion" in people


async def client_of(sandbox: RunningSandbox) -> AsyncWebClient:
    app = await sandbox.control.slack.app()
    return AsyncWebClient(token=app["bot_token"], base_url=sandbox.slack_api_url)
