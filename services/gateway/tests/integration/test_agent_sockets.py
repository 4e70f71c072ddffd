"""What agents may and may not do on their sockets: on a real gateway, Postgres and Redis."""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import socketio
from sqlalchemy import text

from oblivion_contracts.agent_socket import (
    FENCED_OFF,
    TaskAssigned,
    TaskCancelled,
)
from oblivion_contracts.runs import RunState
from oblivion_gateway.sockets.packets import StorableJson
from oblivion_gateway.testing import running_world
from oblivion_gateway.testing_agents import TestAgent, about, work
from oblivion_gateway.usecases.greet import TOKEN_GRACE_S
from oblivion_platform import runs
from oblivion_platform.agents import set_agent_state
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_platform.tokens import keyring

pytestmark = pytest.mark.integration

Opening = Callable[..., Awaitable[Any]]


async def code_of(answer: Any) -> str:
    assert answer.ok is False
    return answer.problem.code


async def state_of(office: Any, assigned: Any) -> RunState:
    return (await office.dispatcher.read(office.tenant.id, assigned.run_id)).state


# Who is let in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "nonsense", None, 5, "x" * 20_000])
async def test_without_a_good_token_nobody_is_let_in(office: Any, token: object) -> None:
    agent = TestAgent(office.world.base_url)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await agent.connect(token)
    assert len(office.world.gateway.agent_gateway.connections) == 0
    await agent.close()


async def test_a_persons_token_is_no_agents(office: Any) -> None:
    agent = TestAgent(office.world.base_url)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await agent.connect(await office.world.token(office.tenant, "admin"))
    assert "token" in str(agent.refusal).lower()
    await agent.close()


async def test_long_polling_is_refused(office: Any) -> None:
    url = f"{office.world.base_url}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("origin", "status"), [("", 101), ("http://{host}", 101), ("https://evil.example", 403)]
)
async def test_a_client_may_name_the_address_it_calls_as_its_origin(
    office: Any, origin: str, status: int
) -> None:
    address = office.world.base_url
    headers = {"Origin": origin.format(host=address.partition("://")[2])} if origin else {}
    url = f"{address}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as http:
        try:
            async with http.ws_connect(url, headers=headers):
                answered = 101
        except aiohttp.WSServerHandshakeError as refused:
            answered = refused.status
    assert answered == status


async def test_both_ends_notice_a_dead_line_within_half_a_minute(office: Any) -> None:
    agent = await office.agent()
    line = agent.client.eio
    assert (line.current_transport, line.ping_interval, line.ping_timeout) == ("websocket", 10, 20)


async def test_a_disabled_agent_is_cut_on_every_gateway_and_not_let_in_again(
    office: Any, database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url, master_key=office.world.settings.master_key) as other:
        here, there = await office.agent(), await office.agent(world=other)
        token = await office.world.agent_token(office.issued)
        async with office.world.database.tenant(office.tenant.id) as tx:
            await set_agent_state(tx, office.agent_id, "disabled")
        await eventually(lambda: here.disconnected.is_set() and there.disconnected.is_set())
        late = TestAgent(office.world.base_url)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await late.connect(token)
        await late.close()
        assert len(other.gateway.agent_gateway.connections) == 0


async def test_the_sockets_of_a_suspended_tenant_are_cut_and_its_runs_are_left_alone(office: Any) -> None:
    agent = await office.agent()
    await office.dispatcher.new_run(office.tenant.id, office.agent_id)

    async def due() -> int:
        async with office.dispatcher.database.relay() as relay:
            return len(await runs.due(relay, overdue_s=0))

    assert await due() == 1
    async with office.world.database.tenant(office.tenant.id) as tx:
        await tx.execute(text("UPDATE tenants SET state = 'suspended'"))
    await eventually(agent.disconnected.is_set)
    assert await due() == 0


async def test_a_socket_whose_token_is_over_is_cut_after_the_grace(office: Any) -> None:
    agent = await office.agent()
    [connection] = office.world.gateway.agent_gateway.connections
    identity = connection.identity
    connection.identity = type(identity)(
        identity.tenant_id, identity.agent_id, time.time() - TOKEN_GRACE_S - 1
    )
    await eventually(agent.disconnected.is_set)
    assert agent.disconnected.is_set()


# What is understood ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("task.ack", {}),
        ("task.ack", {"run_id": "no uuid", "fence": 1}),
        ("task.ack", {"run_id": str(uuid4()), "fence": 0}),
        ("task.ack", {"run_id": str(uuid4()), "fence": 1, "more": True}),
        ("task.progress", {"run_id": str(uuid4()), "fence": 1, "percent": 101}),
        ("task.completed", None),
        ("task.completed", ["a", "list"]),
        ("task.completed", {"run_id": str(uuid4()), "fence": 1, "answer": "x" * 100_001}),
        ("task.checkpoint", {"run_id": str(uuid4()), "fence": 1, "data": "A" * 400_000}),
        ("agent.hello", "text"),
    ],
)
async def test_a_message_that_breaks_its_contract_is_refused_in_the_acknowledgement(
    office: Any, event: str, body: object
) -> None:
    agent = await office.agent()
    answer = await agent.call_raw(event, body)
    assert (answer["ok"], answer["problem"]["status"], answer["problem"]["code"]) == (
        False,
        400,
        "message_invalid",
    )
    assert "xxxx" not in json.dumps(answer)
    assert (await agent.hello()).ok, "the connection lives on"


async def test_an_unknown_event_and_one_before_hello_are_refused(office: Any) -> None:
    agent = await office.agent(hello=False)
    assert await code_of(await agent.call("task.ack", {"run_id": str(uuid4()), "fence": 1})) == "hello_needed"
    await agent.hello()
    assert await code_of(await agent.call("task.dance", {})) == "event_unknown"


async def test_characters_that_no_database_holds_are_replaced(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    answer = {**about(assigned), "answer": "a\x00b \ud800 c 🎉"}
    assert (await agent.call("task.completed", answer)).ok
    run = await office.dispatcher.read(office.tenant.id, assigned.run_id)
    assert run.result == "a\ufffdb ? c 🎉"


@pytest.mark.parametrize(
    "usage", [{"input_tokens": 10**30}, {"output_tokens": 10**16}, {"cost_usd": 1e300}], ids=str
)
async def test_numbers_that_nobody_uses_are_refused_for_good(office: Any, usage: dict[str, Any]) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    answer = await agent.call("task.completed", {**about(assigned), "answer": "x", "usage": usage})
    assert await code_of(answer) == "message_invalid"
    assert answer.retry_after_s is None


async def test_a_number_beyond_all_floats_becomes_the_largest_one(office: Any) -> None:
    assert StorableJson.loads("[1e999, -1e999, 1.5]") == [sys.float_info.max, -sys.float_info.max, 1.5]
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    work_on = {"prompt": "p", "context": {"x": sys.float_info.max}}
    answer = await agent.call("task.delegate", {**about(assigned), "key": "k", "delegation": work_on})
    assert answer.ok


async def test_hostile_packets_do_no_harm(office: Any) -> None:
    agent = await office.agent()
    for hostile in ("[" * 5_000, '["task.ack",NaN]', '["task.ack",' + "9" * 5_000 + "]", "]["):
        await agent.client.eio.send(f"2/agents,7{hostile}")
    assert (await agent.hello()).ok


async def test_a_packet_beyond_all_bounds_ends_the_connection(office: Any) -> None:
    agent = await office.agent()
    await agent.client.eio.send("2/agents," + "x" * 5_000_000)
    await eventually(agent.disconnected.is_set)
    assert agent.disconnected.is_set()


# Whose run it is -------------------------------------------------------------------------------------------


async def test_events_of_another_agents_run_are_refused(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    stranger_issued = await office.world.new_agent(office.tenant, "stranger")
    stranger = TestAgent(office.world.base_url)
    await stranger.connect(await office.world.agent_token(stranger_issued))
    await stranger.hello()
    for event, more in (
        ("task.ack", {}),
        ("task.heartbeat", {}),
        ("task.progress", {"percent": 5}),
        ("task.message", {"text": "hi"}),
        ("task.checkpoint", {"data": "AAAA"}),
        ("task.completed", {"answer": "mine"}),
        ("task.failed", {"message": "mine"}),
        ("approval.request", {"key": "k", "question": "?"}),
        ("task.delegate", {"key": "k", "delegation": {"prompt": "p"}}),
    ):
        answer = await stranger.call(event, {**about(assigned), **more})
        assert await code_of(answer) == "run_unknown", event
    await stranger.call("agent.draining", {"handing_back": [about(assigned)]})
    assert await state_of(office, assigned) is RunState.RUNNING
    await stranger.close()


async def test_another_tenants_run_does_not_exist(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    elsewhere = await office.world.new_tenant()
    foreigner = TestAgent(office.world.base_url)
    await foreigner.connect(await office.world.agent_token(await office.world.new_agent(elsewhere)))
    await foreigner.hello()
    answer = await foreigner.call("task.completed", {**about(assigned), "answer": "mine"})
    assert await code_of(answer) == "run_unknown"
    await foreigner.close()


async def test_the_first_agent_of_a_tenant_is_let_in_before_its_signing_key_is_announced(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither what is announced nor what has grown old has the keys read again.
    await office.world.gateway.announcements.close()
    monkeypatch.setattr(keyring, "ASK_AGAIN_S", 3_600.0)
    monkeypatch.setattr(keyring, "KEEP_S", 3_600.0)
    await office.agent()
    first = TestAgent(office.world.base_url)
    issued = await office.world.new_agent(await office.world.new_tenant())
    await first.connect(await office.world.agent_token(issued))
    assert (await first.hello()).ok
    await first.close()


async def test_the_same_agents_other_replica_cannot_answer_for_it(office: Any) -> None:
    first = await office.agent()
    assigned = await work(first, office.dispatcher, office.tenant.id, office.agent_id)
    second = await office.agent()
    answer = await second.call("task.completed", {**about(assigned), "answer": "mine"})
    assert await code_of(answer) == FENCED_OFF
    assert (await first.call("task.completed", {**about(assigned), "answer": "done"})).ok


async def test_the_old_holder_is_refused_once_the_run_went_to_another_replica(office: Any) -> None:
    first = await office.agent()
    assigned = await work(first, office.dispatcher, office.tenant.id, office.agent_id)
    await first.call("task.checkpoint", {**about(assigned), "data": "aGFsZg=="})
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        await tx.execute(
            text("UPDATE runs SET lease_until = now() - interval '1 s' WHERE id = :id"),
            {"id": assigned.run_id},
        )
        run = await runs.read(tx, assigned.run_id)
        assert await runs.lose_lease(tx, run) is not None
    second = await office.agent()
    await first.call("agent.draining", {})
    await office.dispatcher.assign(office.tenant.id, assigned.run_id)
    again = await second.next(TaskAssigned)
    assert (again.run_id, again.fence, again.attempt, again.checkpoint) == (
        assigned.run_id,
        assigned.fence + 1,
        2,
        b"half",
    )
    late = await first.call("task.completed", {**about(assigned), "answer": "late"})
    assert await code_of(late) == FENCED_OFF
    await first.next(TaskCancelled)
    await second.call("task.ack", about(again))
    assert (await second.call("task.completed", {**about(again), "answer": "done"})).ok
    assert (await office.dispatcher.read(office.tenant.id, assigned.run_id)).result == "done"


async def test_an_answer_that_is_sent_again_changes_nothing(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    for _ in range(2):
        assert (await agent.call("task.completed", {**about(assigned), "answer": "done"})).ok
    failed = await agent.call("task.failed", {**about(assigned), "message": "no"})
    assert await code_of(failed) == "run_over"
    run = await office.dispatcher.read(office.tenant.id, assigned.run_id)
    assert (run.state, run.result) == (RunState.SUCCEEDED, "done")


async def test_an_answer_after_the_cancellation_is_refused(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        await runs.cancel(tx, assigned.run_id, "Ana")
    await office.dispatcher.tell(office.tenant.id, assigned.run_id, "task.cancelled")
    cancelled = await agent.next(TaskCancelled)
    assert (cancelled.run_id, cancelled.reason) == (assigned.run_id, "cancelled by Ana")
    late = await agent.call("task.completed", {**about(assigned), "answer": "late"})
    assert await code_of(late) == "run_over"
    assert await state_of(office, assigned) is RunState.CANCELLED
