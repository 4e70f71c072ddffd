"""An agent and a real Socket.IO server: connections that come and go, and messages that must not be lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from oblivion_client import Agent, AgentFailure, Run, TaskAssigned
from oblivion_contracts.agent_socket import Acknowledgement, ApprovalAnswered
from oblivion_platform.testing import PATIENCE_S, eventually


def agent_that(handler: Callable[[TaskAssigned, Run], Awaitable[str]], **options: Any) -> Agent:
    agent = Agent("fixer", version="1.2", **options)
    agent.on_task()(handler)
    return agent


async def echo(task: TaskAssigned, run: Run) -> str:
    return f"did: {task.prompt}"


class Waiting:
    """A handler that tells when it began and how it ended, and goes on when it is let."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.was_cancelled = asyncio.Event()
        self.runs: list[Run] = []

    async def __call__(self, task: TaskAssigned, run: Run) -> str:
        self.runs.append(run)
        self.began.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        return f"done after {task.attempt}"


async def test_an_agent_says_hello_and_answers_what_it_is_assigned(gateway: Any) -> None:
    async def slow_echo(task: TaskAssigned, run: Run) -> str:
        await run.progress(50, "half")
        await eventually(lambda: bool(gateway.of("task.progress")))
        return f"did: {task.prompt}"

    async with gateway.serving(agent_that(slow_echo)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign(prompt="say hi")
        await eventually(lambda: bool(gateway.of("task.completed")))
    hello = gateway.of("agent.hello")[0]
    assert (hello.handlers, hello.version, hello.held) == (["default"], "1.2", [])
    names = [name for name, message in gateway.heard if getattr(message, "run_id", None) == task.run_id]
    assert names[0] == "task.ack"
    assert names[-1] == "task.completed"
    assert gateway.of("task.completed")[0].answer == "did: say hi"
    assert gateway.of("task.progress")[0].text == "half"


async def test_a_gateway_that_is_older_than_the_sdk_is_told_no_instance(gateway: Any) -> None:
    gateway.unknown_fields = {"instance"}
    async with gateway.serving(agent_that(echo)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign(prompt="say hi")
        await eventually(lambda: bool(gateway.of("task.completed")))
    assert [(hello.instance, hello.version) for hello in gateway.of("agent.hello")] == [("", "1.2")]
    assert gateway.connects == 1


async def test_a_run_that_takes_long_is_kept_by_heartbeats(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign(lease_s=0.6, heartbeat_s=0.05)
        await eventually(lambda: len(gateway.of("task.heartbeat")) >= 20)
        assert not waiting.was_cancelled.is_set()
        waiting.go_on.set()
        await eventually(lambda: bool(gateway.of("task.completed")))


async def test_a_completion_whose_acknowledgement_is_lost_is_sent_again(gateway: Any) -> None:
    gateway.silent_on.append("task.completed")
    async with gateway.serving(agent_that(echo)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign()
        await eventually(lambda: len(gateway.of("task.completed")) == 2)
    first, second = gateway.of("task.completed")
    assert first == second
    assert gateway.of("agent.hello")[1].held[0].run_id == task.run_id


async def test_work_goes_on_while_the_server_restarts_and_its_answer_arrives_after(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign(lease_s=20)
        await waiting.began.wait()
        await gateway.stop()
        waiting.go_on.set()
        await gateway.start()
        await eventually(lambda: bool(gateway.of("task.completed")))
        assert gateway.of("agent.hello")[-1].held[0].run_id == task.run_id
        assert len(waiting.runs) == 1


async def test_an_assignment_that_comes_twice_is_worked_on_once(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign()
        await waiting.began.wait()
        await gateway.say("task.assigned", task.model_dump(mode="json"))
        await eventually(lambda: len(gateway.of("task.ack")) == 2)
        waiting.go_on.set()
        await eventually(lambda: bool(gateway.of("task.completed")))
        await gateway.say("task.assigned", task.model_dump(mode="json"))
        await gateway.assign(prompt="another")
        await eventually(lambda: len(gateway.of("task.completed")) == 2)
    assert len(waiting.runs) == 2


async def test_a_fence_that_is_refused_stops_the_work_without_an_answer(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign(heartbeat_s=0.05)
        await waiting.began.wait()
        gateway.fences[task.run_id] = 2
        await asyncio.wait_for(waiting.was_cancelled.wait(), PATIENCE_S)
    assert not gateway.of("task.completed") + gateway.of("task.failed")


async def test_a_newer_assignment_of_the_same_run_replaces_the_older(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign()
        await waiting.began.wait()
        await gateway.assign(run_id=task.run_id, fence=2, attempt=2)
        await eventually(lambda: len(waiting.runs) == 2)
        assert waiting.was_cancelled.is_set()
        waiting.go_on.set()
        await eventually(lambda: bool(gateway.of("task.completed")))
    assert [(each.fence, each.answer) for each in gateway.of("task.completed")] == [(2, "done after 2")]


async def test_a_lease_that_nobody_confirms_stops_the_work(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign(lease_s=0.5, heartbeat_s=0.1)
        await waiting.began.wait()
        await gateway.stop()
        await asyncio.wait_for(waiting.was_cancelled.wait(), PATIENCE_S)
        heard = len(gateway.of("agent.hello"))
        await gateway.start()
        await eventually(lambda: len(gateway.of("agent.hello")) > heard)
        assert gateway.of("agent.hello")[-1].held == []


async def test_a_cancellation_ends_the_handler_and_nothing_is_answered(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign()
        await waiting.began.wait()
        await gateway.say(
            "task.cancelled",
            {"run_id": str(task.run_id), "fence": task.fence, "reason": "stopped by a person"},
        )
        await asyncio.wait_for(waiting.was_cancelled.wait(), PATIENCE_S)
        assert waiting.runs[0].is_cancelled
    assert not gateway.of("task.completed") + gateway.of("task.failed")


async def test_a_handlers_exception_shows_here_and_only_politely_there(
    gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(task: TaskAssigned, run: Run) -> str:
        raise RuntimeError("password=hunter2")

    async with gateway.serving(agent_that(broken)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign()
        await eventually(lambda: bool(gateway.of("task.failed")))
    failed = gateway.of("task.failed")[0]
    assert failed.code == "agent_failed"
    assert str(task.run_id) in failed.message
    assert "hunter2" not in failed.message
    assert "hunter2" in caplog.text


async def test_a_failure_in_the_handlers_own_words_reaches_the_person(gateway: Any) -> None:
    async def unable(task: TaskAssigned, run: Run) -> str:
        raise AgentFailure("I may not read that repository.", code="no_access")

    async with gateway.serving(agent_that(unable)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign()
        await eventually(lambda: bool(gateway.of("task.failed")))
    failed = gateway.of("task.failed")[0]
    assert (failed.code, failed.message) == ("no_access", "I may not read that repository.")


async def test_a_handler_that_returns_no_text_is_told_so(
    gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def wrong(task: TaskAssigned, run: Run) -> Any:
        return {"answer": 42}

    async with gateway.serving(agent_that(wrong)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign()
        await eventually(lambda: bool(gateway.of("task.failed")))
    assert "returned dict; a handler has to return its answer as str" in caplog.text


async def test_malformed_and_unknown_messages_are_logged_without_their_values_and_change_nothing(
    gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway.serving(agent_that(echo)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.say("task.assigned", {"run_id": "hunter2", "prompt": "hunter2"})
        await gateway.say("task.cancelled", ["hunter2"])
        await gateway.say(
            "task.cancelled", {"run_id": str(uuid4()), "fence": 1, "reason": "of another's run"}
        )
        await gateway.say("something.new", {"a": 1})
        await gateway.assign()
        await eventually(lambda: bool(gateway.of("task.completed")))
    assert "malformed task.assigned: run_id" in caplog.text
    assert "hunter2" not in caplog.text


async def test_on_a_stop_with_patience_what_runs_is_finished_and_nothing_new_begun(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)) as served:
        await eventually(lambda: bool(gateway.of("agent.hello")))
        first = await gateway.assign()
        await waiting.began.wait()
        served.stop.ask(10)
        await eventually(lambda: bool(gateway.of("agent.draining")))
        await gateway.assign()
        waiting.go_on.set()
        await asyncio.wait_for(served.task, PATIENCE_S)
    assert [each.run_id for each in gateway.of("task.completed")] == [first.run_id]
    assert len(waiting.runs) == 1


async def test_what_cannot_be_finished_in_time_is_handed_back(gateway: Any) -> None:
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)) as served:
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign()
        await waiting.began.wait()
        served.stop.ask(0.1)
        await asyncio.wait_for(served.task, PATIENCE_S)
    assert waiting.was_cancelled.is_set()
    assert [each.run_id for each in gateway.of("agent.draining")[-1].handing_back] == [task.run_id]
    assert not gateway.of("task.completed") + gateway.of("task.failed")


async def test_a_token_is_renewed_before_its_end_while_work_goes_on(gateway: Any) -> None:
    gateway.token_lifetime_s = 0.6
    waiting = Waiting()
    async with gateway.serving(agent_that(waiting)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign()
        await waiting.began.wait()
        await eventually(lambda: gateway.connects >= 3)
        waiting.go_on.set()
        await eventually(lambda: bool(gateway.of("task.completed")))
    assert len(set(gateway.tokens)) >= 3
    assert len(waiting.runs) == 1


async def test_a_token_that_the_socket_refuses_is_replaced(gateway: Any) -> None:
    gateway.refused_tokens.add("token-1")
    async with gateway.serving(agent_that(echo)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
    assert gateway.tokens == ["token-1", "token-2"]


async def test_a_server_that_is_away_at_the_start_is_waited_for_and_said_once(
    gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await gateway.stop()
    async with gateway.serving(agent_that(echo)):
        await eventually(lambda: "does not answer" in caplog.text)
        await asyncio.sleep(0)
        await gateway.start()
        await eventually(lambda: bool(gateway.of("agent.hello")))
    said = [record for record in caplog.records if "does not answer" in record.getMessage()]
    assert len(said) == 1


async def test_wrong_credentials_are_said_with_the_fix(
    gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway.serving(agent_that(echo), secret="wrong"):
        await eventually(lambda: "oblivion agents secret" in caplog.text)
    assert "acme.fixer" in caplog.text
    assert not gateway.of("agent.hello")


async def test_more_work_than_fits_waits_unacknowledged(
    gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = Waiting()
    caplog.set_level(logging.WARNING)
    async with gateway.serving(agent_that(waiting, concurrency=1)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign()
        await waiting.began.wait()
        second = await gateway.assign()
        await eventually(lambda: "has to wait" in caplog.text)
        waiting.go_on.set()
        await eventually(lambda: len(gateway.of("task.completed")) == 1)
        await gateway.say("task.assigned", second.model_dump(mode="json"))
        await eventually(lambda: len(gateway.of("task.completed")) == 2)
    assert len(gateway.of("task.ack")) == 2


async def test_an_approval_waits_for_a_person(gateway: Any) -> None:
    async def careful(task: TaskAssigned, run: Run) -> str:
        answer = await run.ask_approval("Deploy?", "to production")
        return "deployed" if answer.approved else f"left: {answer.comment}"

    approval_id = uuid4()
    gateway.answers["approval.request"] = Acknowledgement(ok=True, approval_id=approval_id)
    async with gateway.serving(agent_that(careful)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        task = await gateway.assign()
        await eventually(lambda: bool(gateway.of("approval.request")))
        answer = ApprovalAnswered(
            run_id=task.run_id, fence=1, approval_id=approval_id, approved=False, comment="not on a Friday"
        )
        await gateway.say("approval.answered", answer.model_dump(mode="json"))
        await eventually(lambda: bool(gateway.of("task.completed")))
    assert gateway.of("task.completed")[0].answer == "left: not on a Friday"


async def test_a_message_that_is_muted_is_sent_again_when_it_may_be(gateway: Any) -> None:
    async def talkative(task: TaskAssigned, run: Run) -> str:
        await run.message("first words")
        return "done"

    gateway.answers["task.message"] = Acknowledgement(ok=False, retry_after_s=0.05)
    async with gateway.serving(agent_that(talkative)):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign()
        await eventually(lambda: len(gateway.of("task.message")) >= 2)
        del gateway.answers["task.message"]
        await eventually(lambda: bool(gateway.of("task.completed")))
    assert gateway.of("task.message")[0].text == "first words"


async def test_a_plain_function_works_in_a_thread(gateway: Any) -> None:
    agent = Agent("fixer")

    @agent.on_task()
    def plain(task: TaskAssigned, run: Any) -> str:
        run.progress(10, "in a thread")
        run.checkpoint({"step": 1})
        return "plainly done"

    async with gateway.serving(agent):
        await eventually(lambda: bool(gateway.of("agent.hello")))
        await gateway.assign()
        await eventually(lambda: bool(gateway.of("task.completed")))
    assert gateway.of("task.completed")[0].answer == "plainly done"
    assert len(gateway.of("task.checkpoint")) == 1
