"""The part of the composition root that constructs what stands behind the agents' sockets."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import ValidationError
from starlette.types import ASGIApp

from oblivion_contracts.signals import TellAgent, gateway_channel
from oblivion_gateway.adapters.agent_names import DirectoryNames
from oblivion_gateway.adapters.held_runs import PostgresHeldRuns
from oblivion_gateway.adapters.history_readings import PostgresHistoryReadings
from oblivion_gateway.adapters.no_history import NoHistory
from oblivion_gateway.adapters.old_rows import OldRows
from oblivion_gateway.adapters.run_jobs import BudgetedMessages, QueuedRuns
from oblivion_gateway.adapters.unindexed_runs import UnindexedRuns
from oblivion_gateway.domain.agent_connections import AgentConnections
from oblivion_gateway.socket_ports import RunTokens, TokenVerifier
from oblivion_gateway.socket_settings import SocketSettings
from oblivion_gateway.sockets.agents import AgentSocketServer
from oblivion_gateway.sockets.events import AgentEvents
from oblivion_gateway.usecases.announce import Announce
from oblivion_gateway.usecases.assignments import Assignments, LeaseTerms
from oblivion_gateway.usecases.bring_forward import BringForward
from oblivion_gateway.usecases.greet import Greet
from oblivion_gateway.usecases.hand_on import HandOn
from oblivion_gateway.usecases.hold_runs import HoldRuns
from oblivion_gateway.usecases.index_history import index_for_ever
from oblivion_gateway.usecases.keep_presence import SEEN_EVERY_S, KeepPresence
from oblivion_gateway.usecases.limit_requests import LimitBadTokens, LimitRequests
from oblivion_gateway.usecases.read_history import ReadHistory
from oblivion_gateway.usecases.tell_agents import TellAgents
from oblivion_platform.agents import AgentDirectory
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable, OblivionFailure
from oblivion_platform.feed import Teller
from oblivion_platform.history import QdrantHistory, embedder_named
from oblivion_platform.logging import get_logger
from oblivion_platform.presence import Presence
from oblivion_platform.resilience import Budget
from oblivion_platform.runs import RunSignals, run_queue
from oblivion_platform.sessions import SessionCache, Sessions
from oblivion_platform.subscription import Subscription
from oblivion_platform.tasks import end

SWEEP_EVERY_S = 2.0
THOROUGH_EVERY_SWEEPS = 3
NAMELESS_FOR_S = 10.0
MARKED_AT_LEAST_S = 2.5
"""Longer than the time between two looks at the mark."""
PUT_AWAY_EVERY_S = 3_600.0

_log = get_logger(__name__)


@dataclass(frozen=True)
class SocketParts:
    """What the rest of the gateway has already."""

    database: Database
    directory: AgentDirectory
    verifier: TokenVerifier
    run_tokens: RunTokens
    feed: Teller
    own_origins: frozenset[str]
    limits: LimitRequests
    proxies_in_front: int


class AgentGateway:
    """The agents' side of one gateway process."""

    def __init__(self, settings: SocketSettings, parts: SocketParts) -> None:
        redis_url = settings.redis_url.get_secret_value()
        self.id = secrets.token_hex(8)
        self.connections = AgentConnections()
        self.server = AgentSocketServer(redis_url, parts.own_origins, proxies_in_front=parts.proxies_in_front)
        self.session_copies = SessionCache(redis_url)
        self.sessions = Sessions(parts.database, self.session_copies)
        self._parts = parts
        self._settings = settings
        self._signals = RunSignals(redis_url, parts.feed)
        self._queue = run_queue(redis_url)
        self._board = Presence(redis_url)
        self._budget = Budget(redis_url)
        self._hints = Subscription(redis_url, gateway_channel(self.id))
        self._index = _index(settings)
        self.history = ReadHistory(self._index or NoHistory(), PostgresHistoryReadings(parts.database))
        self._loops: list[asyncio.Task[None]] = []
        self._rechecks: set[asyncio.Task[None]] = set()
        self._build()

    def _build(self) -> None:
        parts, settings = self._parts, self._settings
        agents = DirectoryNames(parts.directory)
        self.runs = PostgresHeldRuns(
            parts.database, self._signals, self.session_copies, gateway=self.id, lease_s=settings.run_lease_s
        )
        self._forward = BringForward(QueuedRuns(self._queue))
        self._presence = KeepPresence(
            self.connections,
            self._board,
            self.runs,
            gateway=self.id,
            # Gone before the leases of a gateway's runs are over: the newest was renewed a heartbeat before.
            marked_for_s=max(MARKED_AT_LEAST_S, (settings.run_lease_s - settings.run_heartbeat_s) / 2),
        )
        self._hold = HoldRuns(
            self.runs, agents, BudgetedMessages(self._budget), self._forward, self._presence
        )
        terms = LeaseTerms(settings.run_lease_s, settings.run_heartbeat_s, settings.tools_url)
        self._tell = TellAgents(
            self.connections,
            self.server,
            self.runs,
            Assignments(self.runs, agents, parts.run_tokens, terms),
            self._forward,
            self._presence,
            gateway=self.id,
        )
        self._announce = Announce(self._board, parts.feed)
        self._greet = Greet(
            self.connections,
            parts.verifier,
            agents,
            self.runs,
            self._forward,
            self._presence,
            self._announce,
            LimitBadTokens(parts.limits),
            events_per_s=settings.agent_events_per_s,
            sockets_max=settings.agent_sockets_max,
        )
        hand_on = HandOn(self._hold, self.runs, agents, self.history, self._forward)
        self._events = AgentEvents(self.server, self._greet, self._hold, hand_on, self._tell)
        self.server.open(self._greet.admit, self._greet.leave, self._events.handle)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The application, with the agents' sockets in front of it."""
        return self.server.wrap(app)

    def start(self) -> None:
        """Begin to serve what is already connected, and to look after it."""
        self._parts.directory.on_change(self._recheck)
        self._loops = [
            asyncio.create_task(self._presence.keep(), name="presence"),
            asyncio.create_task(
                _again(lambda _: self._presence.note_seen(), SEEN_EVERY_S), name="agents seen"
            ),
            asyncio.create_task(self._hear(), name="hints for agents"),
            asyncio.create_task(_again(self._sweep, SWEEP_EVERY_S), name="agents' sweep"),
            asyncio.create_task(_again(self._cut_expired, 1.0), name="expired tokens"),
            asyncio.create_task(_again(self.server.cut_nameless, NAMELESS_FOR_S), name="nameless sockets"),
        ]

        age = timedelta(days=self._settings.archive_after_days)
        old = OldRows(self._parts.database, age)
        self._loops.append(
            asyncio.create_task(_again(lambda _: old.put_away(), PUT_AWAY_EVERY_S), name="old rows")
        )
        if self._index is not None:
            unindexed = UnindexedRuns(self._parts.database, self._index)
            self._loops.append(asyncio.create_task(index_for_ever(unindexed), name="history"))

    @property
    def listening(self) -> bool:
        """Whether hints reach us; without them everything takes a sweep longer."""
        return self._hints.listening

    def is_alive(self) -> bool:
        """Whether everything that looks after the sockets still runs."""
        return not any(task.done() and not task.cancelled() for task in self._loops)

    async def check_hints(self) -> str:
        """Raises: DependencyUnavailable."""
        if not self.listening:
            raise DependencyUnavailable("hints_unheard", "Agents are told a few seconds late.")
        return f"listening for {len(self.connections)} sockets"

    async def drain(self) -> None:
        """Hand over: nothing new is given to our sockets, what was said is stored, agents go elsewhere."""
        self._greet.ending = True
        for connection in self.connections:
            connection.draining = True
        await self._presence.withdraw_all()
        await self._announce.close()
        await end(*self._loops)
        await self._hold.progress.flush()
        await self.server.close()

    async def close(self) -> None:
        await self._forward.close()
        await self._signals.close()
        await self._queue.close()
        await self._board.close()
        await self._budget.close()
        if self._index is not None:
            await self._index.close()
        await self.session_copies.close()

    async def _hear(self) -> None:
        async for message in self._hints.messages():
            try:
                if message is None:
                    await self._tell.sweep(thoroughly=True)
                else:
                    await self._tell.heard(TellAgent.model_validate_json(message))
            except ValidationError:
                _log.warning("hint not understood")
            except OblivionFailure as failure:
                _log.info("hint not followed", code=failure.code)

    async def _sweep(self, turn: int) -> None:
        await self._tell.sweep(thoroughly=turn % THOROUGH_EVERY_SWEEPS == 0)

    async def _cut_expired(self, _turn: int) -> None:
        await self._greet.cut_expired(self.server)

    def _recheck(self, tenant_id: UUID | None) -> None:
        task = asyncio.create_task(self._greet.recheck(tenant_id, self.server), name="recheck agents")
        self._rechecks.add(task)
        task.add_done_callback(self._rechecks.discard)


def _index(settings: SocketSettings) -> QdrantHistory | None:
    if settings.qdrant_url is None:
        return None
    key = settings.qdrant_api_key
    api_key = None if key is None else key.get_secret_value()
    return QdrantHistory(settings.qdrant_url, embedder_named(settings.embedder), api_key=api_key)


async def _again(turn: Callable[[int], Awaitable[None]], every_s: float) -> None:
    """Do it for as long as the process lives; one failed turn is no reason to stop."""
    number = 0
    while True:
        await asyncio.sleep(every_s)
        number += 1
        try:
            await turn(number)
        except OblivionFailure as failure:
            _log.info("turn failed", code=failure.code)
        except Exception as error:  # The top of a loop that must not end.
            _log.error("turn failed", error=type(error).__name__, exc_info=error)
