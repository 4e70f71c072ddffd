"""Agents on the SDK at a real gateway, with Postgres and Redis behind it.

A dispatcher stands in for the router-worker: it makes runs and assigns them, as that does.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from oblivion_client import Agent, Configuration, MessageRefused, Run, Stop, TaskAssigned, tokens
from oblivion_contracts.agents import AgentDefinition, AgentLimits, ClientSecretIssued
from oblivion_contracts.runs import RunSource, RunState
from oblivion_gateway.testing import TestTenant, World, running_world
from oblivion_gateway.testing_agents import Dispatcher, dispatching
from oblivion_gateway.usecases import announce
from oblivion_platform import runs
from oblivion_platform.agents import parse_client_id, update_agent
from oblivion_platform.embedded.process import free_port
from oblivion_platform.feed import FeedReader
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_sandbox.testing import running_sandbox

pytestmark = pytest.mark.integration

Handler = Callable[[TaskAssigned, Run], Awaitable[str]]

SCRIPT = """
import asyncio
from oblivion_client import Agent
agent = Agent("fixer")

@agent.on_task()
async def work(task, run):
    if run.restored is None:
        await run.checkpoint({"step": 3})
        await run.progress(30, "stored")
        await asyncio.Event().wait()
    return f"went on from step {run.restored['step']}, attempt {task.attempt}"

agent.run()
"""


@dataclass
class Team:
    """A gateway on a port that it keeps over restarts, and the agents that work at it."""

    database: FreshDatabase
    redis_url: str
    dispatcher: Dispatcher
    stack: AsyncExitStack
    settings: dict[str, Any]
    world: World = field(init=False)
    tenant: TestTenant = field(init=False)
    _running: AsyncExitStack = field(init=False)

    async def start(self) -> None:
        self._running = AsyncExitStack()
        opening = running_world(self.database, self.redis_url, **self.settings)
        self.world = await self._running.enter_async_context(opening)
        self.settings["master_key"] = self.world.settings.master_key

    async def stop(self) -> None:
        await self._running.aclose()

    async def hire(self, name: str = "fixer") -> ClientSecretIssued:
        return await self.world.new_agent(self.tenant, name)

    async def at_work(self, handler: Handler, issued: ClientSecretIssued, name: str = "fixer") -> Stop:
        """An agent with this handler, connected; it stops with the test at the latest."""
        agent = Agent(name)
        agent.on_task()(handler)
        return await self.serve(agent, issued)

    async def serve(self, agent: Agent, issued: ClientSecretIssued) -> Stop:
        stop = Stop()
        configuration = Configuration(self.world.base_url, issued.client_id, issued.client_secret)
        serving = asyncio.create_task(agent.serve(configuration, stop))

        async def end() -> None:
            stop.ask(0)
            await serving

        self.stack.push_async_callback(end)
        return stop

    async def give(self, issued: ClientSecretIssued, prompt: str = "do it") -> UUID:
        """A run of one person, assigned as soon as the agent is online."""
        agent_id = agent_id_of(issued)
        person = self.tenant.people["user"]
        run_id = await self.dispatcher.new_run(self.tenant.id, agent_id, prompt, user_id=person)
        await self.assign(run_id, issued)
        return run_id

    async def assign(self, run_id: UUID, issued: ClientSecretIssued) -> None:
        async def online() -> None:
            found = await self.dispatcher.presence.pick(self.tenant.id, agent_id_of(issued), "default")
            assert found is not None

        await eventually(online, within_s=30)
        await self.dispatcher.assign(self.tenant.id, run_id)

    async def read(self, run_id: UUID) -> Any:
        return await self.dispatcher.read(self.tenant.id, run_id)

    async def ended(self, run_id: UUID, state: RunState = RunState.SUCCEEDED) -> Any:
        async def is_over() -> Any:
            run = await self.read(run_id)
            assert run.state is state, (run.state, run.failure)
            return run

        return await eventually(is_over, within_s=30)

    async def tell(self, run_id: UUID, what: str) -> None:
        await self.dispatcher.tell(self.tenant.id, run_id, what)


def agent_id_of(issued: ClientSecretIssued) -> UUID:
    client = parse_client_id(issued.client_id)
    assert client is not None
    return client.agent_id


@pytest.fixture
async def new_team(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Callable[..., Awaitable[Team]]]:
    async with AsyncExitStack() as stack:

        async def open_team(**settings: Any) -> Team:
            dispatcher = await stack.enter_async_context(dispatching(database, redis_url))
            team = Team(database, redis_url, dispatcher, stack, {"port": free_port(), **settings})
            await team.start()
            stack.push_async_callback(team.stop)
            team.tenant = await team.world.new_tenant()
            return team

        yield open_team


@pytest.fixture
async def team(new_team: Callable[..., Awaitable[Team]]) -> Team:
    return await new_team()


class Held:
    """A handler that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.go_on = asyncio.Event()
        self.was_cancelled = asyncio.Event()

    async def __call__(self, task: TaskAssigned, run: Run) -> str:
        self.runs.append(run)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        return f"did: {task.prompt}"


async def test_progress_messages_usage_and_the_answer_arrive(team: Team) -> None:
    async def work(task: TaskAssigned, run: Run) -> str:
        await run.progress(40, "at four")
        await run.message("this takes a moment")
        await run.report_usage("m", input_tokens=3, output_tokens=4, cost_usd=0.5)
        return f"did: {task.prompt}"

    issued = await team.hire()
    await team.at_work(work, issued)
    run_id = await team.give(issued, "mend it")
    run = await team.ended(run_id)
    assert run.result == "did: mend it"
    assert run.usage["input_tokens"] == 3
    async with team.dispatcher.database.tenant(team.tenant.id) as tx:
        events = await runs.events_since(tx, run_id, 0)
    assert "this takes a moment" in [event.data.get("text") for event in events]


async def test_work_goes_on_over_a_restart_of_the_gateway_and_is_answered_after_it(team: Team) -> None:
    held = Held()
    issued = await team.hire()
    await team.at_work(held, issued)
    run_id = await team.give(issued)
    await eventually(lambda: len(held.runs) == 1)
    await team.stop()
    held.go_on.set()
    await team.start()
    run = await team.ended(run_id)
    assert (run.result, run.fence, len(held.runs)) == ("did: do it", 1, 1)
    assert not held.was_cancelled.is_set()


@asynccontextmanager
async def in_a_process(folder: Path, team: Team, issued: ClientSecretIssued) -> AsyncGenerator[Any]:
    (folder / "fixer.py").write_text(SCRIPT)
    environment = {
        "OBLIVION_URI": team.world.base_url,
        "AGENT_ID": issued.client_id,
        "AGENT_SECRET": issued.client_secret,
    }
    with (folder / "said.txt").open("ab") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "fixer.py", cwd=folder, env={**os.environ, **environment}, stderr=said
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_a_killed_agents_successor_goes_on_from_its_checkpoint(team: Team, tmp_path: Path) -> None:
    issued = await team.hire()
    async with in_a_process(tmp_path, team, issued) as first:
        run_id = await team.give(issued)

        async def stored() -> None:
            async with team.dispatcher.database.tenant(team.tenant.id) as tx:
                assert await runs.read_checkpoint(tx, run_id) is not None

        await eventually(stored)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    async with in_a_process(tmp_path, team, issued):
        async with team.dispatcher.database.tenant(team.tenant.id) as tx:
            await tx.execute(text("UPDATE runs SET lease_until = now() - interval '1 s'"))
            run = await runs.read(tx, run_id)
            assert run is not None
            assert await runs.lose_lease(tx, run) is not None
        await team.assign(run_id, issued)
        ended = await team.ended(run_id)
    assert ended.result == "went on from step 3, attempt 2"
    assert ended.lost_leases == 1


async def test_sigterm_hands_back_what_is_held_for_another_replica_to_finish(team: Team) -> None:
    first, second = Held(), Held()
    issued = await team.hire()
    stop = await team.at_work(first, issued)
    run_id = await team.give(issued)
    await eventually(lambda: len(first.runs) == 1)
    await team.at_work(second, issued)
    stop.ask(0.1)

    async def handed_back() -> None:
        assert (await team.read(run_id)).state is RunState.ROUTED

    await eventually(handed_back)
    assert first.was_cancelled.is_set()
    await team.dispatcher.assign(team.tenant.id, run_id)
    second.go_on.set()
    assert (await team.ended(run_id)).fence == 2


async def test_a_token_is_renewed_without_a_word_and_without_harm_to_the_run(
    team: Team, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "RENEWED_BETWEEN", (0.001, 0.001))  # After 0.9 s of 15 minutes.
    monkeypatch.setattr(announce, "BACK_WITHIN_S", 3_600.0)
    held, sids = Held(), set[str]()
    issued = await team.hire()
    stop = await team.at_work(held, issued)
    run_id = await team.give(issued)

    async def has_renewed() -> None:
        sids.add(str((await team.read(run_id)).holder))
        assert len(sids) >= 3

    await eventually(has_renewed, within_s=60)
    held.go_on.set()
    run = await team.ended(run_id)
    assert (run.fence, run.lost_leases, len(held.runs), held.was_cancelled.is_set()) == (1, 0, 1, False)
    monkeypatch.setattr(announce, "BACK_WITHIN_S", 0.1)
    stop.ask(0)
    reader = FeedReader(redis_url)

    async def told() -> list[str]:
        lines = (await reader.newest(team.tenant.id)).lines
        return [line.kind for line in lines if line.kind in {"agent.online", "agent.offline"}]

    async def is_offline() -> None:
        assert (await told())[-1:] == ["agent.offline"]

    await eventually(is_offline, within_s=60)
    assert await told() == ["agent.online", "agent.offline"]
    await reader.close()


async def test_an_approval_is_waited_for_over_a_restart_of_the_gateway(team: Team) -> None:
    async def work(task: TaskAssigned, run: Run) -> str:
        answer = await run.ask_approval("Push to main?", "three commits")
        return f"{answer.approved} by {answer.answered_by}: {answer.comment}"

    issued = await team.hire()
    await team.at_work(work, issued)
    run_id = await team.give(issued)
    await team.ended(run_id, RunState.WAITING)
    await team.stop()
    async with team.dispatcher.database.tenant(team.tenant.id) as tx:
        (asked,) = await runs.pending_approvals(tx, seen_by=None)
        assert asked.question == "Push to main?"
        await runs.answer(tx, asked.id, approved=True, user_id=None, name="Ana", comment="go")
    await team.start()
    await team.tell(run_id, "approval.answered")
    assert (await team.ended(run_id)).result == "True by Ana: go"


async def test_work_that_is_handed_on_comes_back_with_its_answer(team: Team) -> None:
    async def work(task: TaskAssigned, run: Run) -> str:
        part = await run.delegate("part of it", agent="helper")
        return f"with {part.answer}"

    async def help_(task: TaskAssigned, run: Run) -> str:
        return f"{task.prompt}, done"

    issued, helper = await team.hire(), await team.hire("helper")
    await team.at_work(work, issued)
    await team.at_work(help_, helper, "helper")
    run_id = await team.give(issued)

    async def handed_on() -> Any:
        async with team.dispatcher.database.tenant(team.tenant.id) as tx:
            found = await tx.execute(text("SELECT id FROM runs WHERE parent_run_id = :p"), {"p": run_id})
            child = await runs.read(tx, found.scalar_one())
            assert child is not None
            await runs.route(tx, child, agent_id_of(helper), "helper", "default")
        return child

    async def there() -> bool:
        async with team.dispatcher.database.tenant(team.tenant.id) as tx:
            return (await tx.execute(text("SELECT count(*) FROM runs"))).scalar_one() == 2

    await eventually(there)
    child = await handed_on()
    assert (child.source, child.hops) == (RunSource.DELEGATION, 1)
    await team.dispatcher.assign(team.tenant.id, child.id)
    assert (await team.ended(run_id)).result == "with part of it, done"


async def test_history_is_searched_by_meaning(
    new_team: Callable[..., Awaitable[Team]], tmp_path: Path
) -> None:
    agent = Agent("fixer")

    @agent.on_task()
    async def work(task: TaskAssigned, run: Run) -> str:
        hits = await agent.search_history(task.prompt, limit=3)
        return f"before: {hits[0].answer}" if hits else "the login page works again"

    async with running_sandbox(tmp_path) as sandbox:
        team = await new_team(qdrant_url=sandbox.qdrant_url)
        issued = await team.hire()
        stop = await team.serve(agent, issued)
        first = await team.give(issued, "mend the login page")
        assert (await team.ended(first)).result == "the login page works again"

        async def indexed() -> None:
            async with team.dispatcher.database.tenant(team.tenant.id) as tx:
                found = await tx.execute(text("SELECT indexed_at IS NOT NULL FROM runs"))
                assert found.scalar_one() is True

        await eventually(indexed, within_s=30)
        second = await team.give(issued, "users cannot log in")
        assert (await team.ended(second)).result == "before: the login page works again"
        stop.ask(0)
        await team.stop()


async def test_an_agent_that_says_too_much_is_muted_and_still_answers(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    saying: list[asyncio.Task[None]] = []

    async def work(task: TaskAssigned, run: Run) -> str:
        for number in range(2):
            await run.message(f"{number}")
        saying.append(asyncio.create_task(run.message("one too many")))
        await eventually(lambda: "muted until" in caplog.text)
        return "answered all the same"

    issued = await team.hire()
    async with team.world.database.tenant(team.tenant.id) as tx:
        definition = AgentDefinition(limits=AgentLimits(messages_per_minute=2))
        await update_agent(tx, team.tenant.id, agent_id_of(issued), definition)
    await team.at_work(work, issued)
    run = await team.ended(await team.give(issued))
    assert run.result == "answered all the same"
    assert "2 messages" in caplog.text
    assert not saying[0].done()
    saying[0].cancel()


async def test_a_cancelled_run_ends_the_handler_and_its_late_words_are_refused(team: Team) -> None:
    refused: list[BaseException] = []

    async def work(task: TaskAssigned, run: Run) -> str:
        held.runs.append(run)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            try:
                await run.message("too late")
            except Exception as error:
                refused.append(error)
            held.was_cancelled.set()
            raise
        return "never"

    held = Held()
    issued = await team.hire()
    await team.at_work(work, issued)
    run_id = await team.give(issued)
    await eventually(lambda: len(held.runs) == 1)
    async with team.dispatcher.database.tenant(team.tenant.id) as tx:
        await runs.cancel(tx, run_id, "Ana")
    await team.tell(run_id, "task.cancelled")
    await asyncio.wait_for(held.was_cancelled.wait(), 30)
    assert held.runs[0].is_cancelled
    assert not isinstance(refused[0], MessageRefused)
    assert "over, or belongs to another replica" in str(refused[0])
    assert (await team.read(run_id)).result is None


async def test_a_wrong_secret_says_what_to_do_and_a_disabled_agent_too(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    issued = await team.hire()
    wrong = issued.model_copy(update={"client_secret": issued.client_secret[:-4] + "AAAA"})
    await team.at_work(Held(), wrong)
    await eventually(lambda: "Make a new secret with `oblivion agents secret" in caplog.text)
    assert issued.client_id in caplog.text
    assert issued.client_secret[:-4] not in caplog.text
