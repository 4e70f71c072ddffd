"""Testing an agent without a server: what a developer's own tests rely on."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from oblivion_client import Agent, AgentMisconfigured, AgentNotConnected, Run, TaskAssigned
from oblivion_client.testing import ProgressReport, agent_under_test
from oblivion_contracts.runs import Category
from oblivion_platform.testing import eventually

agent = Agent("fixer")


@agent.on_task("fix_bug")
async def fix(task: TaskAssigned, run: Run) -> str:
    await run.progress(20, "reading")
    await run.progress(80, "fixing")
    await run.message("found it")
    await run.report_usage("model", input_tokens=3)
    await run.report_usage("model", input_tokens=4, cost_usd=0.5)
    return f"fixed: {task.prompt}"


@agent.on_task("deploy")
async def deploy(task: TaskAssigned, run: Run) -> str:
    answer = await run.ask_approval("Deploy?")
    return "deployed" if answer.approved else "left alone"


@agent.on_task("long")
async def long(task: TaskAssigned, run: Run) -> str:
    done: list[int] = run.restored or []
    for step in range(len(done), 3):
        done.append(step)
        await run.checkpoint(done)
        if step == 1 and task.attempt == 1:
            await asyncio.Event().wait()
    return f"steps {done}"


@agent.on_task("plan")
async def plan(task: TaskAssigned, run: Run) -> str:
    handed_on = await run.delegate("find a slot", agent="calendar", category=Category.QUICK)
    again = await run.delegate("find a slot", agent="calendar", category=Category.QUICK)
    return f"{handed_on.answer}; the same run: {handed_on.run_id == again.run_id}"


@agent.on_task("listen")
async def listen(task: TaskAssigned, run: Run) -> str:
    async for update in run.updates():
        return update.messages[0].text
    return "nothing was said"


async def test_progress_messages_and_usage_are_seen_in_order() -> None:
    async with agent_under_test(agent) as squad:
        outcome = await squad.give("fix_bug", "the build is red")
    assert outcome.answer == "fixed: the build is red"
    assert outcome.progress == [ProgressReport(20, "reading"), ProgressReport(80, "fixing")]
    assert outcome.messages == ["found it"]
    assert (outcome.usage.input_tokens, outcome.usage.cost_usd) == (7, 0.5)


@pytest.mark.parametrize(("approved", "answer"), [(True, "deployed"), (False, "left alone")])
async def test_approvals_are_answered_by_script(approved: bool, answer: str) -> None:
    async with agent_under_test(agent) as squad:
        squad.answer_approval = lambda request: approved
        outcome = await squad.give("deploy")
    assert outcome.answer == answer
    assert [request.question for request in outcome.approvals] == ["Deploy?"]


async def test_an_approval_survives_a_restart_and_is_asked_once() -> None:
    async with agent_under_test(agent) as squad:
        squad.answer_approval = lambda request: True
        assignment = squad.assign("deploy")
        outcome = await assignment.outcome()
        again = squad.assign("deploy", run_id=assignment.task.run_id, fence=2)
        again.answers = assignment.answers
        second = await again.outcome()
    assert (outcome.answer, second.answer) == ("deployed", "deployed")
    assert second.approvals == []


async def test_a_restart_continues_from_the_checkpoint() -> None:
    async with agent_under_test(agent) as squad:
        assignment = squad.assign("long")
        await eventually(lambda: len(assignment.so_far.checkpoints) == 2)
        await assignment.restart()
        outcome = await assignment.outcome()
    assert outcome.answer == "steps [0, 1, 2]"
    assert outcome.checkpoints == [[0], [0, 1], [0, 1, 2]]


async def test_a_cancelled_run_has_no_answer() -> None:
    async with agent_under_test(agent) as squad:
        assignment = squad.assign("long")
        await eventually(lambda: len(assignment.so_far.checkpoints) == 2)
        outcome = await assignment.cancel()
    assert outcome.was_cancelled
    assert (outcome.answer, outcome.failure) == (None, None)


async def test_the_same_delegation_is_made_once_and_its_answer_comes_back() -> None:
    async with agent_under_test(agent) as squad:
        squad.answer_delegation = lambda work: f"{work.agent}: Tuesday"
        outcome = await squad.give("plan")
    assert outcome.answer == "calendar: Tuesday; the same run: True"
    assert len(outcome.delegations) == 1


async def test_what_is_said_meanwhile_reaches_the_handler() -> None:
    async with agent_under_test(agent) as squad:
        assignment = squad.assign("listen")
        await assignment.begun()
        assignment.say("wait, use the other branch")
        outcome = await assignment.outcome()
    assert outcome.answer == "wait, use the other branch"


async def test_a_task_without_a_handler_fails_in_words() -> None:
    async with agent_under_test(agent) as squad:
        outcome = await squad.give("dance")
    assert outcome.failure is not None
    assert outcome.failure.code == "no_handler"
    assert "fix_bug" in outcome.failure.message


async def test_history_can_be_searched_only_while_the_agent_runs() -> None:
    async with agent_under_test(agent):
        assert await agent.search_history("anything") == []
    with pytest.raises(AgentNotConnected, match="while the agent runs"):
        await agent.search_history("anything")


async def test_what_the_handler_took_of_the_thread_s_news_is_what_it_has_read() -> None:
    deaf, attentive = Agent("deaf"), Agent("attentive")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await go_on.wait()
        begun.clear()
        go_on.clear()

    @deaf.on_task()
    async def ignore(task: TaskAssigned, run: Run) -> str:
        await wait()
        return "done"

    @attentive.on_task()
    async def look(task: TaskAssigned, run: Run) -> str:
        await wait()
        news = [message.text for update in run.new_updates() for message in update.messages]
        await wait()
        return f"{news} {run.is_cancelled}"

    async with agent_under_test(deaf) as squad:
        assignment = squad.assign()
        await begun.wait()
        assignment.say("and this?", is_question=True)
        go_on.set()
        assert (await assignment.outcome()).seen_sequence == 0
    async with agent_under_test(attentive) as squad:
        assignment = squad.assign()
        for words in ("and this?", "too late"):
            await begun.wait()
            assignment.say(words, is_question=True)
            go_on.set()
            await eventually(lambda: not go_on.is_set())
        outcome = await assignment.outcome()
    assert (outcome.answer, outcome.seen_sequence) == ("['and this?'] False", 1)


async def test_a_search_names_the_run_that_it_is_made_for() -> None:
    curious = Agent("curious")

    @curious.on_task()
    async def work(task: TaskAssigned, run: Run) -> str:
        await asyncio.gather(curious.search_history("the agent's"), run.search_history("the run's"))
        return "found"

    @curious.on_task("plain")
    def plain(task: TaskAssigned, run: Any) -> str:
        run.search_history("from a thread")
        return "found"

    async with agent_under_test(curious) as squad:
        await curious.search_history("for nobody")
        runs = [squad.assign(task) for task in ("default", "plain")]
        for each in runs:
            await each.outcome()
        named = {each.query: each.run and each.run.run_id for each in squad.searches}
    first, second = (each.task.run_id for each in runs)
    assert named == {"for nobody": None, "the agent's": first, "the run's": first, "from a thread": second}


async def test_a_plain_function_that_ignores_its_cancellation_keeps_nothing_waiting() -> None:
    stubborn = Agent("stubborn")

    @stubborn.on_task()
    def work(task: TaskAssigned, run: Any) -> str:
        while not run.is_cancelled:
            run.progress(1, "still here")
        return "never seen"

    async with agent_under_test(stubborn) as squad:
        assignment = squad.assign(run_id=uuid4())
        await eventually(lambda: bool(assignment.so_far.progress))
        outcome = await assignment.cancel()
    assert outcome.answer is None


def test_handlers_are_checked_where_they_are_written() -> None:
    broken = Agent("broken")
    with pytest.raises(AgentMisconfigured, match="two arguments"):
        broken.on_task("a")(lambda task: "x")  # type: ignore[arg-type]
    with pytest.raises(AgentMisconfigured, match="no task name"):
        broken.on_task("not a name")(lambda task, run: "x")
    with pytest.raises(AgentMisconfigured, match="parentheses"):
        broken.on_task(lambda task, run: "x")  # type: ignore[arg-type]
    broken.on_task("b")(lambda task, run: "x")
    with pytest.raises(AgentMisconfigured, match="Two handlers"):
        broken.on_task("b")(lambda task, run: "x")
