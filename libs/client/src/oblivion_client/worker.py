"""All the runs of one agent in this process, and what the server says about them."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from oblivion_client.handlers import Handlers
from oblivion_client.holding import CLEANUP_S, Ending, Holding, HoldingParts
from oblivion_client.link import Link, Unacknowledged
from oblivion_client.progress import Reporter, SendProgress, ThrottledReporter
from oblivion_client.reading import read
from oblivion_contracts.agent_socket import (
    SERVER_EVENTS,
    AgentDraining,
    AgentHello,
    AgentMuted,
    ApprovalAnswered,
    ContextUpdated,
    HeldRun,
    RunMessage,
    TaskAssigned,
    TaskCancelled,
    ToolsChanged,
)
from oblivion_contracts.model import Contract

ENDED_REMEMBERED = 1_000
"""Runs whose end is remembered, so that an assignment that comes late starts nothing."""

logger = logging.getLogger("oblivion_client")


@dataclass(frozen=True)
class WorkOptions:
    """How an agent works."""

    version: str = ""
    concurrency: int = 5
    """Runs at once in this process."""
    cleanup_s: float = CLEANUP_S
    """How long a cancelled handler may clean up."""


class Worker:
    """Holds runs. What the server says twice, or out of order, changes nothing."""

    def __init__(
        self,
        handlers: Handlers,
        link: Link,
        options: WorkOptions,
        make_reporter: Callable[[SendProgress], Reporter] = ThrottledReporter,
    ) -> None:
        self._handlers = handlers
        self._link = link
        self._options = options
        self._instance = uuid4().hex
        self._parts = HoldingParts(handlers, link, make_reporter, options.cleanup_s)
        self._held: dict[UUID, Holding] = {}
        self._living: dict[Holding, asyncio.Task[None]] = {}
        self._ended: OrderedDict[UUID, int] = OrderedDict()
        self._asides: set[asyncio.Task[None]] = set()
        self._draining = False

    def introduction(self) -> list[tuple[str, Contract]]:
        """What a server is told first, on each connection."""
        hello = AgentHello(
            handlers=self._handlers.names,
            version=self._options.version,
            sdk=f"python/{version('oblivion-client')}",
            instance=self._instance,
            concurrency=self._options.concurrency,
            held=[holding.held for holding in self._held.values()],
        )
        return [("agent.hello", hello), *([("agent.draining", AgentDraining())] if self._draining else [])]

    def receive(self, event: str, data: object) -> None:
        """Take what the server says; what cannot be understood is logged, without its values, and dropped."""
        contract = SERVER_EVENTS.get(event)
        if contract is None:
            logger.warning("the server sent %r, which this version does not know", event)
            return
        try:
            message = read(contract, data)
        except ValidationError as error:
            fields = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
            logger.warning("the server sent a malformed %s: %s", event, fields or "not an object")
            return
        self._take(message)

    async def drain(self, patience_over: Coroutine[Any, Any, None]) -> None:
        """Take no more work; finish what is held, or hand it back when the patience is over."""
        self._draining = True
        impatience = asyncio.create_task(patience_over)
        await self._say(AgentDraining())
        while self._living and not impatience.done():
            await asyncio.wait({impatience, *self._living.values()}, return_when=asyncio.FIRST_COMPLETED)
        impatience.cancel()
        handing_back = [holding.held for holding in self._living]
        await self._let_go(Ending.HANDED_BACK)
        if handing_back:
            await self._say(AgentDraining(handing_back=handing_back))

    async def gone(self, run_id: UUID) -> None:
        """Return when nothing of the run is left here."""
        while tasks := [task for holding, task in self._living.items() if holding.run_id == run_id]:
            await asyncio.wait(tasks)

    async def _let_go(self, why: Ending) -> None:
        for holding in list(self._living):
            holding.stop(why)
        if self._living:
            await asyncio.wait(self._living.values())

    async def _say(self, message: AgentDraining) -> None:
        try:
            await self._link.call("agent.draining", message)
        except Unacknowledged:
            logger.info("the server is not there to hear that this agent goes away")

    def _take(self, message: Contract) -> None:
        match message:
            case TaskAssigned():
                self._assigned(message)
            case AgentMuted():
                logger.warning("muted until %s: %s", message.until.isoformat(), message.reason)
            case ToolsChanged():
                logger.info("the tools changed; missing: %s", ", ".join(message.missing) or "none")
            case RunMessage():
                self._about_run(message)
            case _:
                logger.warning("nothing is done about %s", type(message).__name__)

    def _about_run(self, message: RunMessage) -> None:
        holding = self._held.get(message.run_id)
        if holding is None or message.fence < holding.task.fence:
            return
        match message:
            case TaskCancelled():
                holding.stop(Ending.CANCELLED)
            case ContextUpdated():
                holding.mailbox.update(message)
            case ApprovalAnswered():
                holding.mailbox.answer(message)
            case _:
                logger.warning("nothing is done about %s", type(message).__name__)

    def _assigned(self, task: TaskAssigned) -> None:
        holding = self._held.get(task.run_id)
        if task.fence <= self._ended.get(task.run_id, 0):
            return
        if holding is not None and task.fence <= holding.task.fence:
            self._aside(holding.acknowledge_again())
        elif self._draining:
            logger.info("run %s is left to another replica: this one goes away", task.run_id)
        elif holding is None and len(self._held) >= self._options.concurrency:
            # Without an acknowledgement the server sends it again, or elsewhere.
            logger.warning("run %s has to wait: %d are at work", task.run_id, len(self._held))
        else:
            self._begin(task, replaced=holding)

    def _begin(self, task: TaskAssigned, replaced: Holding | None) -> None:
        waiting_for = self._living.get(replaced) if replaced is not None else None
        if replaced is not None:
            replaced.stop(Ending.TAKEN_AWAY)
        holding = Holding(task, self._parts)
        self._held[task.run_id] = holding
        self._living[holding] = asyncio.create_task(self._live(holding, waiting_for))

    async def _live(self, holding: Holding, after: asyncio.Task[None] | None) -> None:
        try:
            if after is not None:
                await asyncio.wait({after})
            await holding.live()
        finally:
            self._forget(holding)

    def _forget(self, holding: Holding) -> None:
        del self._living[holding]
        if self._held.get(holding.run_id) is holding:
            del self._held[holding.run_id]
        if holding.ending is not Ending.LEASE_LOST:
            self._ended[holding.run_id] = max(holding.task.fence, self._ended.pop(holding.run_id, 0))
            if len(self._ended) > ENDED_REMEMBERED:
                self._ended.popitem(last=False)

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    @property
    def held(self) -> list[HeldRun]:
        """What is being worked on now."""
        return [holding.held for holding in self._held.values()]
