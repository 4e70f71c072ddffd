"""Agents registered from the command line, and talking to them in the terminal."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn

from oblivion_cli.admin import Admin
from oblivion_cli.commands import agents_new
from oblivion_cli.commands.chat import Talk
from oblivion_cli.errors import NotFound, UsageWrong
from oblivion_cli.usecases.agents import Agents
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.sign_in import LocalSignIn
from oblivion_client.rest import OblivionClient
from oblivion_contracts.agents import AgentDefinition
from oblivion_platform.agents import SecretHasher, parse_client_id, secret_is_live
from oblivion_platform.database.engine import Database
from oblivion_platform.presence import Presence, Replica
from oblivion_platform.testing import PATIENCE_S, eventually
from oblivion_platform.tokens import TokenKeys, Tokens

RUN, SESSION = uuid4(), uuid4()
NOW = datetime.now(UTC).isoformat()


def agents_of(admin: Admin) -> Agents:
    return Agents(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys)


async def test_a_created_agent_can_sign_in_and_is_in_the_audit_log(system: Any, admin: Admin) -> None:
    registered = await agents_of(admin).create("fixer", AgentDefinition(description="fixes"))
    client = parse_client_id(registered.issued.client_id)
    assert client is not None
    async with admin.database.tenant(admin.tenant.id) as tx:
        hasher = SecretHasher(admin.access.master_keys)
        assert await secret_is_live(tx, hasher, client, registered.issued.client_secret)
    presence = Presence(admin.access.redis_url)
    rows = {row["name"]: row for row in await agents_of(admin).listing(presence)}
    assert rows["fixer"]["online"] == 0
    replica = Replica(sid="s1", gateway="gw", handlers=["default"], concurrency=1, since=0.0)
    await presence.write({(admin.tenant.id, registered.agent.id): [replica]})
    rows = {row["name"]: row for row in await agents_of(admin).listing(presence)}
    assert rows["fixer"]["online"] == 1
    await presence.close()
    assert system.sql("SELECT count(*) FROM audit_log WHERE action = 'agent.created'") == [(1,)]


async def test_a_taken_name_and_an_unknown_agent_are_said_with_the_fix(admin: Admin) -> None:
    await agents_of(admin).create("fixer", AgentDefinition())
    with pytest.raises(UsageWrong, match="oblivion agents secret fixer"):
        await agents_of(admin).create("fixer", AgentDefinition())
    with pytest.raises(NotFound, match="oblivion agents list"):
        await agents_of(admin).new_secret("nobody")


async def test_a_new_agent_is_registered_where_a_system_is_named(system: Any, tmp_path: Path) -> None:
    await asyncio.to_thread(agents_new.new, "fixer", tmp_path / "fixer")
    lines = dict(line.split("=") for line in (tmp_path / "fixer" / ".env").read_text().split())
    assert parse_client_id(lines["AGENT_ID"]) is not None
    assert system.sql("SELECT count(*) FROM agents WHERE name = 'fixer'") == [(1,)]
    with pytest.raises(UsageWrong, match="oblivion agents secret fixer"):
        await asyncio.to_thread(agents_new.new, "fixer", tmp_path / "again")
    assert not (tmp_path / "again").exists()


async def test_the_local_sign_in_speaks_for_the_first_admin(system: Any, admin: Admin) -> None:
    keys = admin.access.master_keys
    sign_in = LocalSignIn(admin.database, keys, admin.tenant.id, admin.actor, "http://localhost:8300")
    token = await sign_in.token()
    gateways = Database.connect(system.database.url("oblivion_gateway"), pool_size=1)
    claims = await Tokens(TokenKeys(gateways, keys), "http://localhost:8300").verify(token)
    await gateways.close()
    admins = system.sql("SELECT 'user:' || id FROM users WHERE role = 'admin'")
    assert (claims.tenant_id, claims.role) == (admin.tenant.id, "admin")
    assert (claims.subject,) in admins


async def test_commands_are_one_sign_in_an_hour_and_a_token_handed_out_is_one_each_time(
    system: Any, admin: Admin
) -> None:
    keys = admin.access.master_keys
    lines = "SELECT actor, detail FROM audit_log WHERE action = 'user.signed_in' ORDER BY at, id"
    sign_in = LocalSignIn(admin.database, keys, admin.tenant.id, admin.actor, "http://localhost:8300")
    somebody = Actor("cli:somebody")
    theirs = LocalSignIn(admin.database, keys, admin.tenant.id, somebody, "http://localhost:8300")
    for one in (sign_in, theirs):
        for _ in range(5):
            await one.token()
    noted = system.sql(lines)
    # An hour may end meanwhile, so a line is told from another by all that it says.
    told = [(actor, detail["hour"]) for actor, detail in noted]
    assert len(told) == len(set(told)) < 5
    assert {actor for actor, _ in told} == {admin.actor.name, somebody.name}
    assert {detail["machine"] for _, detail in noted} == {socket.gethostname()}
    await sign_in.tools_token()
    await sign_in.tools_token()
    assert len(system.sql(lines)) == len(noted) + 2


class Api:
    """The part of the REST API that a conversation takes: one run that reports and answers, or never ends."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.ends = True
        self.end: dict[str, Any] = {"state": "succeeded", "result": "**hi** there"}
        self.released = asyncio.Event()
        self.released.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        path: str = scope["path"]
        self.asked.append((path, json.loads(body or b"null")))
        if path.endswith("/progress"):
            await self._stream(send)
            return
        await _start(send, b"application/json")
        await send({"type": "http.response.body", "body": json.dumps(self._answer(path)).encode()})

    def _answer(self, path: str) -> Any:
        if path.endswith("/messages"):
            return {"session_id": str(SESSION), "run_id": str(RUN), "sequence": 1}
        if path == "/api/sessions":
            times = {"created_at": NOW, "updated_at": NOW}
            return {"id": str(SESSION), "version": 1, "source": "terminal", **times}
        ids = {"id": str(RUN), "session_id": str(SESSION), "source": "terminal", "category": "quick"}
        return {**ids, "prompt": "hello", "created_at": NOW, **self.end}

    async def _stream(self, send: Any) -> None:
        await _start(send, b"text/event-stream")
        steps: list[tuple[str, Any]] = [("progress", {"percent": 40, "text": "thinking"})]
        steps += [("state", {"state": self.end["state"]})] if self.ends else []
        for number, (kind, data) in enumerate(steps, start=1):
            event = {"run_id": str(RUN), "sequence": number, "at": NOW, "kind": kind, "data": data}
            text = f"id: {number}\ndata: {json.dumps(event)}\n\n"
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await self.released.wait()
        await send({"type": "http.response.body", "body": b""})


async def _start(send: Any, kind: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})


@pytest.fixture
async def api() -> AsyncIterator[tuple[Api, str]]:
    made = Api()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(made, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    yield made, f"http://127.0.0.1:{listener.getsockname()[1]}"
    made.released.set()
    server.should_exit = True
    await serving
    listener.close()


async def test_a_conversation_prints_the_answer(
    api: tuple[Api, str], capsys: pytest.CaptureFixture[str]
) -> None:
    server, url = api
    async with OblivionClient(url, "token") as client:
        talk = Talk(client, await client.create_session(), "fixer", in_slack=False)
        assert await talk.say("hello")
    sent = next(body for path, body in server.asked if path.endswith("/messages"))
    assert sent == {"text": "hello", "agent": "fixer", "source": "terminal", "visible_in_slack": False}
    assert "**hi** there" in capsys.readouterr().out


async def test_a_run_that_fails_is_told_in_its_own_words(
    api: tuple[Api, str], capsys: pytest.CaptureFixture[str]
) -> None:
    server, url = api
    server.end = {"state": "failed", "failure": {"code": "model_slow", "message": "It did not answer."}}
    async with OblivionClient(url, "token") as client:
        assert not await Talk(client, await client.create_session(), None).say("hello")
    assert "It did not answer. (model_slow)" in capsys.readouterr().err


async def test_ctrl_c_cancels_the_run_and_the_conversation_goes_on(
    api: tuple[Api, str], capsys: pytest.CaptureFixture[str]
) -> None:
    server, url = api
    server.ends = False
    server.released.clear()
    async with OblivionClient(url, "token") as client:
        session = await client.create_session()
        talking = asyncio.create_task(Talk(client, session, None).say("hello"))
        await eventually(lambda: any(path.endswith("/progress") for path, _ in server.asked))
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(talking, PATIENCE_S)
    assert f"/api/runs/{RUN}/cancel" in [path for path, _ in server.asked]
    assert "Stopped." in capsys.readouterr().err
