"""How much agents may do on their sockets."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
import socketio

from oblivion_contracts.agent_socket import NAMESPACE, AgentMuted, TaskAssigned
from oblivion_contracts.agents import AgentDefinition, AgentLimits
from oblivion_contracts.runs import RunState
from oblivion_gateway.adapters.held_runs import CHILDREN_MAX, QUESTIONS_MAX
from oblivion_gateway.testing_agents import TestAgent, about, being_let_in, work
from oblivion_gateway.usecases.progress import SHORTEST_GAP_S
from oblivion_platform import runs
from oblivion_platform.agents import update_agent
from oblivion_platform.tasks import end
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

Opening = Callable[..., Awaitable[Any]]


async def code_of(answer: Any) -> str:
    assert answer.ok is False
    return answer.problem.code


async def state_of(office: Any, assigned: Any) -> RunState:
    return (await office.dispatcher.read(office.tenant.id, assigned.run_id)).state


# Limits ----------------------------------------------------------------------------------------------------


async def limited(office: Any, **limits: Any) -> None:
    definition = AgentDefinition(limits=AgentLimits(**limits))
    async with office.world.database.tenant(office.tenant.id) as tx:
        await update_agent(tx, office.tenant.id, office.agent_id, definition)


async def test_an_agent_that_never_acknowledges_keeps_nothing(office: Any) -> None:
    mute = await office.agent()
    run_id = await office.dispatcher.new_run(office.tenant.id, office.agent_id)
    await office.dispatcher.assign(office.tenant.id, run_id, lease_s=3)
    assert (await mute.next(TaskAssigned, count=2)).fence == 1, "it is sent again"

    async def lost() -> bool:
        async with office.dispatcher.database.tenant(office.tenant.id) as tx:
            run = await runs.read(tx, run_id, lock=True)
            return run is not None and await runs.lose_lease(tx, run) is not None

    await eventually(lost)
    eager = await office.agent()
    await office.dispatcher.presence.withdraw(office.tenant.id, office.agent_id, [mute.sid])
    await office.dispatcher.assign(office.tenant.id, run_id)
    given = await eager.next(TaskAssigned)
    assert (given.fence, given.attempt) == (2, 2)
    assert (await eager.call("task.ack", about(given))).ok
    late = {"run_id": str(run_id), "fence": 1}
    for event, message in (("task.ack", late), ("task.completed", {**late, "answer": "mine"})):
        assert await code_of(await mute.call(event, message)) == "fenced_off"
    assert (await eager.call("task.completed", {**about(given), "answer": "done"})).ok


async def test_a_socket_that_floods_is_told_to_wait_and_others_are_not_disturbed(new_office: Opening) -> None:
    office = await new_office(agent_events_per_s=1.0)
    noisy, quiet = await office.agent(), await office.agent()
    answers = await asyncio.gather(*(noisy.call("agent.draining", {}) for _ in range(30)))
    refused = [answer for answer in answers if not answer.ok]
    assert len(refused) >= 15
    assert {answer.problem.code for answer in refused} == {"too_many_events"}
    assert all(answer.retry_after_s > 0 for answer in refused)
    assert (await quiet.call("agent.draining", {})).ok


async def test_an_agent_that_says_too_much_is_muted_and_says_until_when_but_still_answers(
    office: Any,
) -> None:
    await limited(office, messages_per_minute=3)
    agent, replica = await office.agent(), await office.agent()
    assigned = await work_of_either(office, agent, replica)
    holder = agent if agent.heard(TaskAssigned) else replica
    answers = [await holder.call("task.message", {**about(assigned), "text": f"{n}"}) for n in range(5)]
    assert [answer.ok for answer in answers] == [True, True, True, False, False]
    assert await code_of(answers[3]) == "agent_muted"
    assert 0 < answers[3].retry_after_s <= 60
    for told in (await agent.next(AgentMuted), await replica.next(AgentMuted)):
        assert "3 messages" in told.reason
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        events = await runs.events_since(tx, assigned.run_id, 0)
    assert [event.data["code"] for event in events if event.kind == "notice"] == ["agent_muted"]
    assert (await holder.call("task.completed", {**about(assigned), "answer": "done"})).ok


async def test_a_gateway_that_has_not_heard_of_the_mute_does_not_tell_of_it_again(office: Any) -> None:
    await limited(office, messages_per_minute=1)
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    await office.world.gateway.announcements.close()
    answers = [await agent.call("task.message", {**about(assigned), "text": f"{n}"}) for n in range(4)]
    assert [await code_of(answer) for answer in answers[1:]] == 3 * ["agent_muted"]
    assert (await agent.call("task.completed", {**about(assigned), "answer": "done"})).ok
    assert len(agent.heard(AgentMuted)) == 1


async def test_questions_and_work_handed_on_count_as_messages_once_for_each_key(office: Any) -> None:
    await limited(office, messages_per_minute=2)
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    question = {**about(assigned), "key": "q", "question": "May I?"}
    handed_on = {**about(assigned), "key": "d", "delegation": {"prompt": "p"}}
    for event, message in 3 * (("approval.request", question), ("task.delegate", handed_on)):
        assert (await agent.call(event, message)).ok
    for event, message in (("approval.request", question), ("task.delegate", handed_on)):
        answer = await agent.call(event, {**message, "key": "another"})
        assert await code_of(answer) == "agent_muted"
    answer = await agent.call("task.message", {**about(assigned), "text": "hi"})
    assert await code_of(answer) == "agent_muted"


async def test_one_run_neither_asks_nor_hands_on_for_ever(office: Any) -> None:
    await limited(office, messages_per_minute=600)
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    for event, more, most in (
        ("approval.request", {"question": "May I?"}, QUESTIONS_MAX),
        ("task.delegate", {"delegation": {"prompt": "p"}}, CHILDREN_MAX),
    ):
        for number in range(most):
            assert (await agent.call(event, {**about(assigned), **more, "key": f"{number}"})).ok
        answer = await agent.call(event, {**about(assigned), **more, "key": "one too many"})
        assert await code_of(answer) == "run_limit_reached"
        assert (await agent.call(event, {**about(assigned), **more, "key": "0"})).ok


async def test_an_agent_has_so_many_connections_to_one_gateway_and_no_more(new_office: Opening) -> None:
    office = await new_office(agent_sockets_max=2)
    first, _ = await office.agent(), await office.agent()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await office.agent()
    assert "2 connections" in str(office.agents[-1].refusal)
    await first.close()

    async def is_let_in() -> None:
        assert (await office.agent()) is not None

    await eventually(is_let_in)


async def test_beyond_so_many_bad_tokens_nothing_of_their_address_is_looked_at_and_good_ones_never_count(
    new_office: Opening,
) -> None:
    office = await new_office(address_requests_per_minute=3, proxies_in_front=1)
    good = await office.world.agent_token(office.issued)
    first, second = (f"10.{uuid4().int % 250}.{uuid4().int % 250}.{last}" for last in (1, 2))

    async def knocking(token: str, address: str) -> str:
        agent = TestAgent(office.world.base_url)
        office.agents.append(agent)
        try:
            await agent.connect(token, forwarded_for=f"6.6.6.6, {address}")
        except socketio.exceptions.ConnectionError:
            return agent.refusal["data"]
        return "let_in"

    assert [await knocking(good, first) for _ in range(5)] == ["let_in"] * 5
    codes = [await knocking("invented", first) for _ in range(4)]
    assert codes == ["token_rejected"] * 3 + ["too_many_requests"]
    said = re.fullmatch(
        "Too many tokens from this address were refused; none is looked at for the next ([1-5]) s[.]",
        office.agents[-1].refusal["message"],
    )
    assert said, office.agents[-1].refusal

    async def is_not_looked_at() -> None:
        await knocking("invented", first)
        assert await knocking(good, first) == "too_many_requests"

    async def is_let_in_between() -> None:
        assert await knocking(good, first) == "let_in"

    await eventually(is_not_looked_at)
    assert await knocking("invented", second) == "token_rejected"
    assert await knocking(good, second) == "let_in"
    await eventually(is_let_in_between)


async def test_a_connection_that_ended_while_it_was_let_in_is_none_of_the_agents(
    new_office: Opening, held_table: Callable[[str], AbstractContextManager[None]]
) -> None:
    office = await new_office(agent_sockets_max=1)
    token = await office.world.agent_token(office.issued)
    gateway = office.world.gateway
    sockets = gateway.agent_gateway.server
    late = TestAgent(office.world.base_url)
    with held_table("agents"):
        gateway.agent_directory.drop_all()
        connecting = asyncio.create_task(late.connect(token))
        [sid] = await eventually(lambda: being_let_in(sockets, NAMESPACE))
        await sockets.cut_from(NAMESPACE, sid)
    await end(connecting)
    await eventually(lambda: NAMESPACE not in sockets.rooms.pending_connect)
    assert len(gateway.agent_gateway.connections) == 0
    assert (await office.agent()) is not None


async def test_a_connection_that_ended_while_it_was_confirmed_is_none_of_the_agents_either(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = office.world.gateway.agent_gateway
    server = gateway.server.rooms.server
    confirm, confirmed = server._send_packet, asyncio.Event()

    async def too_late(eio_sid: str, packet: Any) -> None:
        if packet.packet_type == socketio.packet.CONNECT and packet.namespace == NAMESPACE:
            assert len(gateway.connections) == 1
            await server.eio.sockets[eio_sid].close(wait=False)
            confirmed.set()
        await confirm(eio_sid, packet)

    token = await office.world.agent_token(office.issued)
    late = TestAgent(office.world.base_url)
    with monkeypatch.context() as patching:
        patching.setattr(server, "_send_packet", too_late)
        connecting = asyncio.create_task(late.connect(token))
        await confirmed.wait()
    await eventually(lambda: len(gateway.connections) == 0)
    await end(connecting)
    assert (await office.agent()) is not None


async def work_of_either(office: Any, *agents: TestAgent) -> TaskAssigned:
    run_id = await office.dispatcher.new_run(office.tenant.id, office.agent_id)
    await office.dispatcher.assign(office.tenant.id, run_id)

    def assignment() -> TaskAssigned:
        heard = [message for agent in agents for message in agent.heard(TaskAssigned)]
        assert heard
        return heard[0]

    return await eventually(assignment)


async def test_of_fast_progress_the_newest_is_stored_and_all_usage_is_counted(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    usage = {"model": "m", "input_tokens": 10, "output_tokens": 1, "cost_usd": 0.5}
    began = time.monotonic()
    for percent in range(40):
        report = {**about(assigned), "percent": percent, "text": f"step {percent}", "usage": usage}
        assert (await agent.call("task.progress", report)).ok
    assert (await agent.call("task.completed", {**about(assigned), "answer": "done", "usage": usage})).ok
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        events = [e for e in await runs.events_since(tx, assigned.run_id, 0) if e.kind == "progress"]
        run = await runs.read(tx, assigned.run_id)
    assert len(events) <= 2 + (time.monotonic() - began) / SHORTEST_GAP_S
    assert run.usage["input_tokens"] == 410
    assert run.cost_usd == pytest.approx(20.5)
