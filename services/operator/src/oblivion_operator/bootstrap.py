"""The composition root: the only module that constructs adapters."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette

from oblivion_operator.adapters.api_server import ApiServer
from oblivion_operator.adapters.clock import SystemClock
from oblivion_operator.adapters.cluster import LiveCluster
from oblivion_operator.adapters.gateway import HttpGateway
from oblivion_operator.adapters.lease import ClusterLease
from oblivion_operator.handlers.clockwork import Clockwork
from oblivion_operator.handlers.desk import Desk
from oblivion_operator.handlers.watches import Watches
from oblivion_operator.settings import Settings
from oblivion_operator.usecases.belonging import Belonging
from oblivion_operator.usecases.children import KeepChildren
from oblivion_operator.usecases.credentials import KeepCredentials
from oblivion_operator.usecases.demands import Demands
from oblivion_operator.usecases.lead import Lead
from oblivion_operator.usecases.observed import Observed
from oblivion_operator.usecases.retire_agents import RetireAgents
from oblivion_operator.usecases.tend_agents import TendAgents
from oblivion_operator.usecases.work_queue import WorkQueue
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.health import Health, Phase, health_routes
from oblivion_platform.http_server import serving
from oblivion_platform.logging import get_logger
from oblivion_platform.service import CannotStart
from oblivion_platform.tasks import end

_log = get_logger(__name__)


class Operator:
    """Everything that runs in one operator process but the HTTP server."""

    def __init__(self, settings: Settings) -> None:
        self.health = Health(details_token=settings.health_token)
        self._clock = SystemClock()
        self._api = ApiServer()
        self._cluster = LiveCluster(self._api, settings.lease_holder)
        self._gateway = HttpGateway(settings.gateway_url, settings.gateway_token_file)
        self._observed = Observed()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._build(settings)
        self._build_edges(settings)
        self._watch_health()

    def _build(self, settings: Settings) -> None:
        cluster, gateway, observed, clock = self._cluster, self._gateway, self._observed, self._clock
        self._demands = Demands(gateway, clock)
        self._children = KeepChildren(cluster, observed, settings.house())
        system = settings.system_namespace
        credentials = KeepCredentials(cluster, gateway, observed, clock, system)
        self._belonging = belonging = Belonging(cluster, system)
        self.tend = TendAgents(
            cluster, observed, belonging, credentials, self._children, self._demands, clock
        )
        self._queue = WorkQueue(self.tend, at_once=settings.agents_at_once)
        self._retire = RetireAgents(cluster, gateway, observed, belonging, clock)

    def _build_edges(self, settings: Settings) -> None:
        self._clockwork = Clockwork(
            self._queue,
            self.tend,
            self._demands,
            self._retire,
            demand_every_s=settings.demand_every_s,
            resync_every_s=settings.resync_every_s,
        )
        desk = Desk(self._observed, self._children, self._queue, self._clockwork.somebody_left)
        self._watches = Watches(desk.saw, quiet_s=settings.watch_quiet_s)
        self.lead = Lead(
            ClusterLease(self._api, settings.system_namespace),
            settings.lease_holder,
            settings.lease_s,
            self._clock,
            gained=self._begin,
            lost=self._pause,
        )

    def start(self) -> None:
        self._watches.start()
        self._run("queue", self._queue.work())
        self._run("lead", self.lead.run())
        self.health.phase = Phase.READY

    async def close(self) -> None:
        """Stop, let another one lead, and disconnect."""
        self._pause()
        await self._stop("lead")
        await self._stop("clockwork")
        await self._stop("queue")
        with suppress(OblivionFailure):
            await self.lead.give_back()
        await self._watches.stop()
        await self._gateway.close()
        await self._api.close()

    def _begin(self) -> None:
        self._run("clockwork", self._clockwork.run())

    def _pause(self) -> None:
        self._queue.pause()
        clockwork = self._tasks.get("clockwork")
        if clockwork is not None:
            clockwork.cancel()

    def _run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.create_task(work, name=name)

    async def _stop(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            await end(task)

    def _watch_health(self) -> None:
        self.health.proofs_of_life["watches"] = self._watches.is_alive
        for name in ("queue", "lead", "clockwork"):
            self.health.proofs_of_life[name] = lambda name=name: self._is_running(name)
        self.health.checks["leadership"] = self._say_who_leads
        self.health.checks["cluster"] = self._ask_cluster
        self.health.checks["other systems"] = self._say_whose

    def _is_running(self, name: str) -> bool:
        """False when it ended with an error, which none of them is to."""
        task = self._tasks.get(name)
        return task is None or not task.done() or task.cancelled()

    async def _say_who_leads(self) -> str:
        if self.lead.is_leading:
            return "this operator leads"
        return f"waits for {self.lead.waits_for or 'the Lease'}"

    async def _say_whose(self) -> str:
        others = sorted(set(self._belonging.elsewhere.values()))
        left = len(self._belonging.elsewhere)
        return f"{left} Agents are left to {', '.join(others)}" if others else "no Agent is another system's"

    async def _ask_cluster(self) -> str:
        await self._cluster.agents()
        return "connected"


class RunningOperator:
    """A started operator and the port of its health and metrics."""

    def __init__(self, operator: Operator, port: int) -> None:
        self.operator = operator
        self.port = port


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[RunningOperator]:
    """Look after Agents until the block ends."""
    operator = _made(settings)
    app = Starlette(routes=health_routes(operator.health))
    operator.start()
    try:
        async with serving(app, host=settings.host, port=settings.port) as port:
            yield RunningOperator(operator, port)
            operator.health.phase = Phase.DRAINING
    finally:
        await operator.close()


def _made(settings: Settings) -> Operator:
    from lightkube.core.exceptions import ConfigError

    try:
        return Operator(settings)
    except ConfigError as error:
        raise CannotStart(
            f"no cluster to work on ({error}): run it in a pod with a ServiceAccount, or set KUBECONFIG"
        ) from None
