"""What reaches agents on their sockets, what they hand on, and how they come and go."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from oblivion_contracts.agent_socket import (
    ApprovalAnswered,
    ContextUpdated,
    TaskAssigned,
    TaskCancelled,
)
from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.runs import RunSource, RunState
from oblivion_gateway.adapters.held_runs import PostgresHeldRuns
from oblivion_gateway.testing import running_world
from oblivion_gateway.testing_agents import TestAgent, about, held_by, work
from oblivion_platform import runs, sessions
from oblivion_platform.agents import update_agent
from oblivion_platform.database.engine import Database
from oblivion_platform.runs import RunSignals
from oblivion_platform.sessions import WATCHED_TRIGGERS
from oblivion_platform.testing import FreshDatabase, eventually

pytestmark = pytest.mark.integration

Opening = Callable[..., Awaitable[Any]]


async def code_of(answer: Any) -> str:
    assert answer.ok is False
    return answer.problem.code


async def state_of(office: Any, assigned: Any) -> RunState:
    return (await office.dispatcher.read(office.tenant.id, assigned.run_id)).state


async def test_the_gateways_metrics_tell_of_sockets_their_messages_and_requests(office: Any) -> None:
    agent = await office.agent()
    await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    await office.world.request("GET", "/api/me", token=await office.world.token(office.tenant, "user"))
    told = (await office.world.request("GET", "/metrics")).text
    values = dict(line.rsplit(" ", 1) for line in told.splitlines() if line and line[0] != "#")
    assert float(values["oblivion_agent_sockets"]) >= 1
    assert float(values['oblivion_agent_connects_total{outcome="let_in"}']) >= 1
    assert float(values['oblivion_agent_events_total{event="task.ack",outcome="taken"}']) >= 1
    assert float(values['oblivion_agent_told_total{event="task.assigned"}']) >= 1
    asked = [name for name in values if name.startswith("oblivion_http_request_seconds_count")]
    assert any('status="200"' in name for name in asked)


# What reaches the agent ------------------------------------------------------------------------------------


async def test_an_assignment_whose_hint_was_lost_is_found_and_sent_until_it_is_acknowledged(
    office: Any,
) -> None:
    agent = await office.agent()
    run_id = await office.dispatcher.new_run(office.tenant.id, office.agent_id)
    await office.dispatcher.assign(office.tenant.id, run_id, hint=False)
    second = await agent.next(TaskAssigned, count=2)
    assert second.run_id == run_id
    await agent.call("task.ack", about(second))
    run = await office.dispatcher.read(office.tenant.id, run_id)
    assert (run.state, run.fence) == (RunState.RUNNING, 1)


class CountingDatabase(Database):
    """Knows how many statements of their own it was asked."""

    asked = 0

    async def once(self, *args: Any, **options: Any) -> list[Any]:
        self.asked += 1
        return await super().once(*args, **options)


async def test_many_runs_are_looked_at_in_as_many_round_trips_as_one(
    office: Any, database: FreshDatabase
) -> None:
    run_ids = [await office.dispatcher.new_run(office.tenant.id, office.agent_id) for _ in range(6)]
    gateway = office.world.gateway
    counting = CountingDatabase.connect(database.url("oblivion_gateway"), pool_size=1)
    signals = RunSignals(
        office.world.gateway.settings.redis_url.get_secret_value(), office.world.gateway.feed
    )
    copies = gateway.agent_gateway.session_copies
    held = PostgresHeldRuns(counting, signals, copies, gateway="another", lease_s=60)
    try:
        assert len(await held.standings(office.tenant.id, run_ids[:1])) == 1
        of_one = counting.asked
        assert len(await held.standings(office.tenant.id, run_ids)) == 6
        assert 0 < of_one == counting.asked - of_one
    finally:
        await counting.close()


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


async def test_the_assignment_carries_the_sessions_preferences_and_workflow(office: Any) -> None:
    tenant, world = office.tenant, office.world
    admin = await world.token(tenant, "admin")
    made = await world.request("POST", "/api/sessions", token=admin, json={"preferences": {"tone": "dry"}})
    session_id = UUID(made.json()["id"])
    changed = {"preferences": {"tone": "warm", "language": "de"}}
    await world.request("PATCH", f"/api/sessions/{session_id}", token=admin, json=changed)
    async with world.database.tenant(tenant.id) as tx:
        workflow = {"name": "morning", WATCHED_TRIGGERS: ["tag:x"]}
        await sessions.set_switches(tx, session_id, workflow=workflow)
    agent = await office.agent()
    run_id = await office.dispatcher.new_run(
        tenant.id, office.agent_id, "hello", session_id, context={"clickup_task": "Mend it"}
    )
    await office.dispatcher.assign(tenant.id, run_id)
    assert (await agent.next(TaskAssigned)).context == {
        **changed,
        "workflow": {"name": "morning"},
        "clickup_task": "Mend it",
    }
    shown = (await world.request("GET", f"/api/sessions/{session_id}", token=admin)).json()
    assert shown["preferences"] == changed["preferences"]


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
    later = await agent.next(ContextUpdated, count=2)
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
    skilled = AgentDefinition(
        skills=[{"name": "plan", "text": "P"}, {"name": "sing", "text": "S"}], tools=["jira__*", "slack__*"]
    )
    async with office.world.database.tenant(office.tenant.id) as tx:
        helper_id = (await tx.execute(text("SELECT id FROM agents WHERE name = 'helper'"))).scalar_one()
        await update_agent(tx, office.tenant.id, helper_id, skilled)
    helper = TestAgent(office.world.base_url)
    await helper.connect(await office.world.agent_token(helper_issued))
    await helper.hello()
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    carried = {"context": {"ticket": 7}, "state": {"step": "two"}, "category": "quick"}
    narrowed = {"skills": ["plan"], "allowed_tools": ["jira__find"]}
    delegation = {"prompt": "part of it", "agent": "helper", **carried, **narrowed}
    request = {**about(assigned), "key": "k", "delegation": delegation}
    first, again = await agent.call("task.delegate", request), await agent.call("task.delegate", request)
    assert first.delegated_run_id == again.delegated_run_id
    child_id = first.delegated_run_id
    child = await office.dispatcher.read(office.tenant.id, child_id)
    assert (child.source, child.hops, child.parent_run_id) == (RunSource.DELEGATION, 1, assigned.run_id)
    async with office.dispatcher.database.tenant(office.tenant.id) as tx:
        await runs.route(tx, child, helper_id, "helper", "default")
    await office.dispatcher.assign(office.tenant.id, child_id)
    part = await helper.next(TaskAssigned)
    assert {"context": part.context, "state": part.state, "category": part.category} == carried
    assert ([skill.name for skill in part.skills], part.allowed_tools) == (["plan"], ["jira__find"])
    await helper.call("task.ack", about(part))
    await helper.call("task.completed", {**about(part), "answer": "my part"})
    update = await agent.next(ContextUpdated)
    assert [(m.role, m.text, m.run_id) for m in update.messages] == [("agent", "my part", child_id)]
    await helper.close()


async def test_work_is_not_handed_on_into_another_person_s_conversation(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    theirs = await office.dispatcher.new_session(office.tenant.id, office.tenant.people["admin"])
    delegation = {"prompt": "listen in", "session_id": str(theirs)}
    request = {**about(assigned), "key": "k", "delegation": delegation}
    assert await code_of(await agent.call("task.delegate", request)) == "session_unknown"


async def test_work_is_handed_on_into_another_conversation_of_the_same_person(office: Any) -> None:
    agent = await office.agent()
    person = office.tenant.people["user"]
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id, user_id=person)
    theirs = await office.dispatcher.new_session(office.tenant.id, person)
    delegation = {"prompt": "go on there", "session_id": str(theirs)}
    answer = await agent.call("task.delegate", {**about(assigned), "key": "k", "delegation": delegation})
    child = await office.dispatcher.read(office.tenant.id, answer.delegated_run_id)
    assert (child.session_id, child.user_id, child.parent_run_id) == (theirs, person, assigned.run_id)


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
