"""What agents may and may not do on their sockets: on a real gateway, Postgres and Redis."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import socketio
from sqlalchemy import event as sql_events
from sqlalchemy import text

from oblivion_contracts.agent_socket import (
    FENCED_OFF,
    AgentMuted,
    ApprovalAnswered,
    ContextUpdated,
    TaskAssigned,
    TaskCancelled,
)
from oblivion_contracts.agents import AgentDefinition, AgentLimits
from oblivion_contracts.runs import RunSource, RunState
from oblivion_gateway.adapters.held_runs import CHILDREN_MAX, QUESTIONS_MAX
from oblivion_gateway.sockets.packets import StorableJson
from oblivion_gateway.testing import running_world
from oblivion_gateway.testing_agents import TestAgent, about, held_by, work
from oblivion_platform import runs
from oblivion_platform.agents import set_agent_state, update_agent
from oblivion_platform.testing import FreshDatabase, eventually

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
    connection.identity = type(identity)(identity.tenant_id, identity.agent_id, identity.expires_at - 925)
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
    await first.next(TaskCancelled, within_s=10)
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


# What reaches the agent ------------------------------------------------------------------------------------


async def test_an_assignment_whose_hint_was_lost_is_found_and_sent_until_it_is_acknowledged(
    office: Any,
) -> None:
    agent = await office.agent()
    run_id = await office.dispatcher.new_run(office.tenant.id, office.agent_id)
    await office.dispatcher.assign(office.tenant.id, run_id, hint=False)
    second = await agent.next(TaskAssigned, count=2, within_s=10)
    assert second.run_id == run_id
    await agent.call("task.ack", about(second))
    run = await office.dispatcher.read(office.tenant.id, run_id)
    assert (run.state, run.fence) == (RunState.RUNNING, 1)


async def test_many_runs_are_looked_at_in_as_many_statements_as_one(office: Any) -> None:
    run_ids = [await office.dispatcher.new_run(office.tenant.id, office.agent_id) for _ in range(6)]
    database, held = office.world.gateway.database, office.world.gateway.agent_gateway.runs
    counted: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM runs" in statement and str(run_ids[0]) not in statement:
            counted.append(statement)

    sql_events.listen(database.engine.sync_engine, "before_cursor_execute", count)
    try:
        assert len(await held.standings(office.tenant.id, run_ids[:1])) == 1
        for_one = len(counted)
        assert len(await held.standings(office.tenant.id, run_ids)) == 6
    finally:
        sql_events.remove(database.engine.sync_engine, "before_cursor_execute", count)
    # Sweeps of the gateway's own may look meanwhile.
    assert 0 < for_one <= len(counted) - for_one <= for_one + 2


async def test_an_assignment_to_a_socket_that_has_gone_is_handed_back_at_once(office: Any) -> None:
    agent = await office.agent()
    run_id = await office.dispatcher.new_run(office.tenant.id, office.agent_id)
    replica = (await office.dispatcher.presence.replicas(office.tenant.id, [office.agent_id]))[
        office.agent_id
    ][0]
    await agent.close()
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        holder = runs.Holder(replica.sid, replica.gateway)
        await runs.assign(tx, run_id, holder, lease_s=30, deadline_s=60)
    await office.dispatcher.tell(office.tenant.id, run_id, "task.assigned")

    async def handed_back() -> bool:
        return (await office.dispatcher.read(office.tenant.id, run_id)).state is RunState.ROUTED

    await eventually(handed_back)
    assert (await office.dispatcher.read(office.tenant.id, run_id)).lost_leases == 0


async def test_the_assignment_carries_the_conversation_and_the_agents_definition(office: Any) -> None:
    definition = AgentDefinition(
        system_prompt="be brief",
        model="openai:x",
        skills=[{"name": "a", "text": "A"}, {"name": "b", "text": "B"}],
        tools=["jira__create", "slack__*", "notion__find"],
    )
    async with office.world.database.tenant(office.tenant.id) as tx:
        await update_agent(tx, office.tenant.id, office.agent_id, definition)
    agent = await office.agent()
    session_id = await office.dispatcher.new_session(office.tenant.id)
    await office.dispatcher.say(office.tenant.id, session_id, "earlier")
    run_id = await office.dispatcher.new_run(
        office.tenant.id,
        office.agent_id,
        "the question",
        session_id,
        skills=["b"],
        allowed_tools=["jira__*", "slack__post"],
        context={"a": 1},
    )
    await office.dispatcher.assign(office.tenant.id, run_id)
    assigned = await agent.next(TaskAssigned)
    assert [message.text for message in assigned.messages] == ["earlier"]
    assert (assigned.prompt, assigned.system_prompt, assigned.model) == (
        "the question",
        "be brief",
        "openai:x",
    )
    assert [skill.name for skill in assigned.skills] == ["b"]
    assert set(assigned.allowed_tools) == {"jira__create", "slack__post"}
    assert assigned.context == {"a": 1}
    assert assigned.run_token is None


@pytest.mark.parametrize(
    ("own", "narrowed", "told"),
    [([], None, None), (["jira__create"], ["slack__post"], []), ([], ["github__*"], ["github__*"])],
)
async def test_no_list_of_tools_and_an_empty_one_are_told_apart(
    office: Any, own: list[str], narrowed: list[str] | None, told: list[str] | None
) -> None:
    async with office.world.database.tenant(office.tenant.id) as tx:
        await update_agent(tx, office.tenant.id, office.agent_id, AgentDefinition(tools=own))
    agent = await office.agent()
    run_id = await office.dispatcher.new_run(office.tenant.id, office.agent_id, allowed_tools=narrowed)
    await office.dispatcher.assign(office.tenant.id, run_id)
    assert (await agent.next(TaskAssigned)).allowed_tools == told


async def test_where_there_is_a_hub_the_assignment_carries_a_token_for_it(new_office: Opening) -> None:
    office = await new_office(tools_url="http://hub.example/mcp")
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    assert (assigned.tools_url, bool(assigned.run_token)) == ("http://hub.example/mcp", True)


async def test_what_is_said_meanwhile_reaches_the_running_agent(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    await office.dispatcher.say(office.tenant.id, assigned.session_id, "one more thing")
    await office.dispatcher.tell(office.tenant.id, assigned.run_id, "context.updated")
    update = await agent.next(ContextUpdated)
    assert [message.text for message in update.messages] == ["one more thing"]
    await office.dispatcher.say(office.tenant.id, assigned.session_id, "and another")
    later = await agent.next(ContextUpdated, count=2, within_s=12)
    assert [message.text for message in later.messages] == ["and another"]


@pytest.mark.parametrize(
    ("ending", "reads"),
    [
        ("task.completed", False),
        ("task.completed", True),
        ("task.failed", False),
    ],
)
async def test_a_question_to_a_run_at_work_that_it_ends_without_reading_becomes_a_run_of_its_own(
    office: Any, ending: str, reads: bool
) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    place = {"channel": "C1", "question_ts": "2.0"}
    sequence = await office.dispatcher.say(
        office.tenant.id, assigned.session_id, "and this?", asked_run_id=assigned.run_id, place=place
    )
    await office.dispatcher.say(office.tenant.id, assigned.session_id, "lunch, Bo?")
    await office.dispatcher.tell(office.tenant.id, assigned.run_id, "context.updated")
    update = await agent.next(ContextUpdated)
    assert [(m.text, m.is_question) for m in update.messages] == [("and this?", True), ("lunch, Bo?", False)]
    words = {"answer": "done"} if ending == "task.completed" else {"message": "broken"}
    last = {**about(assigned), **words, "seen_sequence": sequence if reads else sequence - 1}
    assert (await agent.call(ending, last)).ok
    assert (await agent.call(ending, last)).ok
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        rows = (await tx.execute(text("SELECT id, prompt, place, state FROM runs ORDER BY created_at"))).all()
        asked = (
            await tx.execute(text("SELECT run_id FROM session_messages WHERE body = 'and this?'"))
        ).scalar_one()
    later = [(row.prompt, row.place, row.state) for row in rows[1:]]
    assert later == ([] if reads else [("and this?", place, "queued")])
    assert asked == (None if reads else rows[1].id)


async def test_an_approval_is_asked_once_and_its_answer_reaches_the_agent(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    request = {**about(assigned), "key": "k", "question": "Delete it?"}
    asked = await agent.call("approval.request", request)
    again = await agent.call("approval.request", request)
    assert asked.ok
    assert asked.approval_id == again.approval_id
    assert await state_of(office, assigned) is RunState.WAITING
    assert (await agent.call("task.heartbeat", about(assigned))).ok
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        await runs.answer(tx, asked.approval_id, approved=True, user_id=None, name="Ana", comment="go")
    await office.dispatcher.tell(office.tenant.id, assigned.run_id, "approval.answered")
    answered = await agent.next(ApprovalAnswered)
    assert (answered.approval_id, answered.approved, answered.answered_by) == (asked.approval_id, True, "Ana")
    known = await agent.call("approval.request", request)
    assert known.approval is not None
    assert known.approval.comment == "go"


# Delegation ------------------------------------------------------------------------------------------------


async def test_delegated_work_is_one_run_and_its_end_reaches_the_delegating_agent(office: Any) -> None:
    helper_issued = await office.world.new_agent(office.tenant, "helper")
    helper = TestAgent(office.world.base_url)
    await helper.connect(await office.world.agent_token(helper_issued))
    await helper.hello()
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    request = {**about(assigned), "key": "k", "delegation": {"prompt": "part of it", "agent": "helper"}}
    first, again = await agent.call("task.delegate", request), await agent.call("task.delegate", request)
    assert first.delegated_run_id == again.delegated_run_id
    child_id = first.delegated_run_id
    child = await office.dispatcher.read(office.tenant.id, child_id)
    assert (child.source, child.hops, child.parent_run_id) == (RunSource.DELEGATION, 1, assigned.run_id)
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        helper_id = (await tx.execute(text("SELECT id FROM agents WHERE name = 'helper'"))).scalar_one()
        await runs.route(tx, child, helper_id, "helper", "default")
    await office.dispatcher.assign(office.tenant.id, child_id)
    part = await helper.next(TaskAssigned)
    await helper.call("task.ack", about(part))
    await helper.call("task.completed", {**about(part), "answer": "my part"})
    update = await agent.next(ContextUpdated)
    assert [(m.role, m.text, m.run_id) for m in update.messages] == [("agent", "my part", child_id)]
    await helper.close()


async def test_work_is_not_handed_on_for_ever_nor_to_nobody(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    nobody = {**about(assigned), "key": "a", "delegation": {"prompt": "p", "agent": "nobody"}}
    assert await code_of(await agent.call("task.delegate", nobody)) == "agent_unknown"
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        await tx.execute(text("UPDATE runs SET hops = 3 WHERE id = :id"), {"id": assigned.run_id})
    request = {**about(assigned), "key": "b", "delegation": {"prompt": "p"}}
    assert await code_of(await agent.call("task.delegate", request)) == "hops_exceeded"
    huge = {**about(assigned), "key": "c", "delegation": {"prompt": "p", "context": {"x": "y" * 70_000}}}
    assert await code_of(await agent.call("task.delegate", huge)) == "message_too_large"


# Limits ----------------------------------------------------------------------------------------------------


async def test_a_socket_that_floods_is_told_to_wait_and_others_are_not_disturbed(new_office: Opening) -> None:
    office = await new_office(agent_events_per_s=5.0)
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
    definition = AgentDefinition(limits=AgentLimits(messages_per_minute=3))
    async with office.world.database.tenant(office.tenant.id) as tx:
        await update_agent(tx, office.tenant.id, office.agent_id, definition)
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


async def test_questions_and_work_handed_on_count_as_messages_once_for_each_key(office: Any) -> None:
    definition = AgentDefinition(limits=AgentLimits(messages_per_minute=2))
    async with office.world.database.tenant(office.tenant.id) as tx:
        await update_agent(tx, office.tenant.id, office.agent_id, definition)
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
    definition = AgentDefinition(limits=AgentLimits(messages_per_minute=600))
    async with office.world.database.tenant(office.tenant.id) as tx:
        await update_agent(tx, office.tenant.id, office.agent_id, definition)
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
    for percent in range(40):
        report = {**about(assigned), "percent": percent, "text": f"step {percent}", "usage": usage}
        assert (await agent.call("task.progress", report)).ok
    assert (await agent.call("task.completed", {**about(assigned), "answer": "done", "usage": usage})).ok
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        events = [e for e in await runs.events_since(tx, assigned.run_id, 0) if e.kind == "progress"]
        run = await runs.read(tx, assigned.run_id)
    assert len(events) <= 5
    assert run.usage["input_tokens"] == 410
    assert run.cost_usd == pytest.approx(20.5)


# Coming and going ------------------------------------------------------------------------------------------


async def test_an_agent_that_comes_back_keeps_its_run(
    office: Any, database: FreshDatabase, redis_url: str
) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    await agent.close()
    async with running_world(database, redis_url, master_key=office.world.settings.master_key) as other:
        back = await office.agent(world=other, held=[held_by(assigned)])
        assert (await back.call("task.heartbeat", about(assigned))).ok
        assert back.heard(TaskCancelled) == []
        assert (await back.call("task.completed", {**about(assigned), "answer": "done"})).ok
        await back.close()
    assert await state_of(office, assigned) is RunState.SUCCEEDED


async def test_an_agent_that_comes_back_too_late_is_told_to_stop(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        await runs.cancel(tx, assigned.run_id, "Ana")
    await agent.close()
    back = await office.agent(held=[held_by(assigned)])
    assert (await back.next(TaskCancelled)).run_id == assigned.run_id


async def test_what_a_draining_agent_hands_back_goes_to_another_replica(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    other = await office.agent()
    handed = held_by(assigned).model_dump(mode="json")
    assert (await agent.call("agent.draining", {"handing_back": [handed]})).ok
    assert await state_of(office, assigned) is RunState.ROUTED
    await office.dispatcher.assign(office.tenant.id, assigned.run_id)
    assert (await other.next(TaskAssigned)).fence == assigned.fence + 1


async def test_a_gateway_that_ends_hands_over_and_leaves_no_presence(
    office: Any, database: FreshDatabase, redis_url: str
) -> None:
    async with running_world(database, redis_url, master_key=office.world.settings.master_key) as other:
        agent = await office.agent(world=other)
        assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
        await agent.call("task.progress", {**about(assigned), "percent": 50})
        await agent.call("task.progress", {**about(assigned), "percent": 60})
    await eventually(agent.disconnected.is_set)
    replicas = await office.dispatcher.presence.replicas(office.tenant.id, [office.agent_id])
    assert replicas == {office.agent_id: []}
    run = await office.dispatcher.read(office.tenant.id, assigned.run_id)
    assert (run.state, run.percent) == (RunState.RUNNING, 60)


async def test_a_dropped_connection_leaves_the_board(office: Any) -> None:
    agent = await office.agent()
    await agent.close()

    async def gone() -> bool:
        board = await office.dispatcher.presence.replicas(office.tenant.id, [office.agent_id])
        return board == {office.agent_id: []}

    await eventually(gone)
    assert len(office.world.gateway.agent_gateway.connections) == 0
