"""What each tenant's connections offer, kept in memory.

Nobody waits for a server that was asked before: what is known is answered, and the server is asked again
beside it. A server that fails has no tools until it answers again; who lists is told why. No tenant waits for
another one's servers.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from oblivion_contracts.connections import ANY_MCP_SERVER, STDIO_SERVER
from oblivion_mcp_hub.domain.catalog import Catalog, Offer, Source, offer_of, pinnable
from oblivion_mcp_hub.domain.server_address import address_of
from oblivion_mcp_hub.errors import ServerAway, for_admins, for_logs
from oblivion_mcp_hub.metrics import LISTINGS
from oblivion_mcp_hub.ports import ListKind, Registry, ToolServers, Uses
from oblivion_mcp_hub.usecases.changes import Changes
from oblivion_mcp_hub.usecases.note_health import NoteHealth
from oblivion_platform.connections import Connection
from oblivion_platform.errors import DependencyUnavailable, OblivionFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.resilience import Breakers
from oblivion_platform.tasks import end

TENANTS_KEPT = 1_000
LISTED_AT_ONCE = 10
"""Servers of a tenant, so that a hundred of them get the time that each has."""
LISTED_AGAIN_S = 1.0
"""After a server has said that its tools changed, however often it says so."""
OURSELVES = "mcp-hub"
"""Who lists tools, as the audit log has it: for everybody who asks, and while somebody waits for changes."""
_OF_OTHERS = frozenset({ANY_MCP_SERVER, STDIO_SERVER})
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ListingTerms:
    """How long a server may take, and for how long its answer is good."""

    timeout_s: float
    keep_s: float
    retry_s: float


@dataclass(frozen=True, slots=True)
class _Known:
    """What a connection offered, as it was configured then."""

    connection: Connection
    offer: Offer
    due_at: float

    def is_of(self, connection: Connection) -> bool:
        """Whether it was not changed in between."""
        return self.connection.updated_at == connection.updated_at


@dataclass(frozen=True, slots=True)
class KnownTools:
    """A catalog, and the connections behind it."""

    catalog: Catalog
    connections: dict[UUID, Connection] = field(default_factory=dict[UUID, Connection])


@dataclass
class _Tenant:
    known: dict[UUID, _Known]
    read_again_at: float
    is_outdated: bool = False

    def __post_init__(self) -> None:
        self.sum_up()

    def sum_up(self) -> None:
        """What `known` comes to, once it has changed."""
        self.tools = _tools(self.known)
        self.due_at = min([self.read_again_at, *(each.due_at for each in self.known.values())])


class KnowTools:
    """Answers from memory."""

    def __init__(
        self,
        registry: Registry,
        servers: ToolServers,
        breakers: Breakers,
        changes: Changes,
        uses: Uses,
        terms: ListingTerms,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changes_of_lists = changes
        self._registry = registry
        self._servers = servers
        self._breakers = breakers
        self._uses = uses
        self._health = NoteHealth(registry)
        self._terms = terms
        self._clock = clock
        self._tenants: dict[UUID, _Tenant] = {}
        self._loading: dict[UUID, asyncio.Task[None]] = {}
        self._following: dict[UUID, asyncio.Task[None]] = {}
        self._said_changed: dict[UUID, set[UUID]] = {}
        """Tenant → connections whose servers said so, or that were tested, and were not asked since."""
        self._generation = count(1)
        self._changed_at: dict[UUID, int] = {}
        self._all_changed_at = 0

    async def of(self, tenant_id: UUID) -> KnownTools:
        """Raises: DependencyUnavailable: nothing is known yet, and Postgres is away."""
        tenant = self._tenants.get(tenant_id)
        if tenant is None or tenant.is_outdated:
            await self._wait_for_newer(tenant_id)
        elif tenant.due_at <= self._clock():
            self._load_soon(tenant_id)
        return self._tenants[tenant_id].tools

    async def keep_looking(self, tenant_id: UUID) -> None:
        """For as long as somebody wants to hear of changes: what is away is asked for again without them."""
        while True:
            with suppress(DependencyUnavailable):
                await self.of(tenant_id)
            await asyncio.sleep(self._terms.retry_s)

    def drop(self, tenant_id: UUID) -> None:
        """A connection changed: who asks next waits for what it offers now."""
        self._registry.drop(tenant_id)
        self._outdate(tenant_id)
        self._changes_of_lists.tell(tenant_id)

    def forget(self, tenant_id: UUID, connection_id: UUID) -> None:
        """Ask this one again, whatever it said last, and though it may be asked just now."""
        if tenant_id in self._tenants or tenant_id in self._loading:
            self._said_changed.setdefault(tenant_id, set()).add(connection_id)
        self.drop(tenant_id)

    def server_changed(self, connection: Connection, kind: ListKind) -> None:
        """A server says that a list of its own is not what it was."""
        if kind != "tools":
            self._changes_of_lists.tell(connection.tenant_id, [kind])
        elif connection.tenant_id in self._tenants:
            self._said_changed.setdefault(connection.tenant_id, set()).add(connection.id)
            self._follow_soon(connection.tenant_id)

    def drop_all(self) -> None:
        self._registry.drop_all()
        self._all_changed_at = next(self._generation)
        for tenant in self._tenants.values():
            tenant.is_outdated = True
        self._changes_of_lists.tell_all()

    def _outdate(self, tenant_id: UUID) -> None:
        if tenant_id in self._tenants or tenant_id in self._loading:  # Nobody else has to know.
            self._changed_at[tenant_id] = next(self._generation)
        if tenant_id in self._tenants:
            self._tenants[tenant_id].is_outdated = True

    async def withdraw(self, connection: Connection, failure: OblivionFailure) -> None:
        """Its breaker opened: its tools are gone until it answers again, and its health says so."""
        tenant = self._tenants.get(connection.tenant_id)
        known = None if tenant is None else tenant.known.get(connection.id)
        if tenant is not None and known is not None and known.is_of(connection):
            due_at = self._clock() + self._terms.retry_s
            tenant.known[connection.id] = _Known(connection, known.offer.failed(failure.message), due_at)
            tenant.sum_up()
            self._changes_of_lists.tell(connection.tenant_id)
            await self._note_failure(connection, known.offer, failure)

    async def refuses(self, connection: Connection, failure: OblivionFailure) -> None:
        """It does not let calls in; its list may say nothing of that."""
        await self._health.fails(connection, for_admins(failure))

    async def works(self, connection: Connection) -> None:
        """A call was answered: what its health says against it is over, unless its tools are withdrawn."""
        tenant = self._tenants.get(connection.tenant_id)
        known = None if tenant is None else tenant.known.get(connection.id)
        if known is not None and known.offer.problem is None:
            await self._health.works(connection, len(known.offer.entries))

    async def let_pass(self, connection: Connection) -> None:
        """It was tested, and answers: nobody has to leave it alone any longer."""
        await self._breakers.close(connection.tenant_id, connection.name)

    async def close(self) -> None:
        await end(*self._following.values(), *self._loading.values())

    async def _wait_for_newer(self, tenant_id: UUID) -> None:
        """The load that is under way may have begun before the change; the one after it has not."""
        for _ in range(2):
            tenant = self._tenants.get(tenant_id)
            if tenant is not None and not tenant.is_outdated:
                return
            try:
                # Shielded: others wait for the same answer.
                await asyncio.shield(self._load_soon(tenant_id))
            except DependencyUnavailable:
                if tenant is None:
                    raise
                return

    def _load_soon(self, tenant_id: UUID) -> asyncio.Task[None]:
        if len(self._loading) > TENANTS_KEPT:
            self._loading = {each: task for each, task in self._loading.items() if not task.done()}
        loading = self._loading.get(tenant_id)
        if loading is None or loading.done():
            loading = asyncio.create_task(self._load(tenant_id), name="tools")
            # Nobody may be waiting any more when it fails.
            loading.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._loading[tenant_id] = loading
        return loading

    def _follow_soon(self, tenant_id: UUID) -> None:
        """What a server says of itself is looked at beside; nobody waits for that."""
        following = self._following.get(tenant_id)
        if following is None or following.done():
            self._following[tenant_id] = asyncio.create_task(self._follow(tenant_id), name="changed tools")

    async def _follow(self, tenant_id: UUID) -> None:
        while self._said_changed.get(tenant_id):
            with suppress(DependencyUnavailable):
                await asyncio.shield(self._load_soon(tenant_id))
            # Once the new list is what they are given.
            self._changes_of_lists.tell(tenant_id, ["tools"])
            await asyncio.sleep(LISTED_AGAIN_S)
        del self._following[tenant_id]

    def _change_of(self, tenant_id: UUID) -> tuple[int, int]:
        return self._changed_at.get(tenant_id, 0), self._all_changed_at

    async def _load(self, tenant_id: UUID) -> None:
        changes = self._change_of(tenant_id)
        connections = await self._registry.active(tenant_id)
        said_changed = self._said_changed.pop(tenant_id, set())
        self._servers.keep_only(tenant_id, {each.id for each in connections})
        before = self._tenants.get(tenant_id)
        known = {} if before is None else before.known
        known_at_first = dict(known)
        at_once = asyncio.Semaphore(LISTED_AT_ONCE)

        async def know(connection: Connection) -> _Known:
            has_changed = connection.id in said_changed
            async with at_once:
                return await self._know(connection, known.get(connection.id), has_changed=has_changed)

        found = await asyncio.gather(*(know(each) for each in connections))
        if before is None and len(self._tenants) >= TENANTS_KEPT:
            self._forget_one()
        by_id = {each.connection.id: each for each in found}
        for connection_id in by_id.keys() & known_at_first:
            now = known[connection_id]
            was_well = known_at_first[connection_id].offer.problem is None
            if was_well and now.offer.problem is not None and now.is_of(by_id[connection_id].connection):
                by_id[connection_id] = now  # Withdrawn meanwhile.
        read_again_at = self._clock() + self._terms.keep_s
        is_outdated = changes != self._change_of(tenant_id)  # Then this may be from before the change.
        tenant = self._tenants[tenant_id] = _Tenant(by_id, read_again_at, is_outdated)
        # Of what outdated it they were told before.
        if before is None or before.is_outdated:
            return
        if not tenant.tools.catalog.offers_as(before.tools.catalog):
            self._changes_of_lists.tell(tenant_id)

    def _forget_one(self) -> None:
        tenant_id = next(iter(self._tenants))
        del self._tenants[tenant_id]
        self._changed_at.pop(tenant_id, None)
        self._said_changed.pop(tenant_id, None)

    async def _know(self, connection: Connection, before: _Known | None, *, has_changed: bool) -> _Known:
        is_same = before is not None and before.is_of(connection)
        if before is not None and is_same and before.due_at > self._clock() and not has_changed:
            return before
        last = before.offer if before is not None and is_same else Offer(source_of(connection))
        offer = await self._ask(connection, last)
        was_away = before is not None and before.offer.problem is not None
        is_first = not is_same and connection.provider in _OF_OTHERS
        if offer.problem is None and (was_away or is_first):
            # Built-in providers list without asking their vendor: that says nothing of a wrong key.
            await self._health.works(connection, len(offer.entries))
        wait_s = self._terms.keep_s if offer.problem is None else self._terms.retry_s
        return _Known(connection, offer, self._clock() + wait_s)

    async def _ask(self, connection: Connection, last: Offer) -> Offer:
        began = time.monotonic()
        outcome = "failed"
        try:
            offer = await self._list(connection)
            outcome = "succeeded"
        except OblivionFailure as failure:
            await self._note_failure(connection, last, failure)
            offer = last.failed(failure.message)
        LISTINGS.labels(connection.provider, outcome).observe(time.monotonic() - began)
        return offer

    async def _note_failure(self, connection: Connection, last: Offer, failure: OblivionFailure) -> None:
        if last.problem is None:  # Once, not each time that it is asked or called again.
            _log.warning("tools withdrawn", connection=connection.name, reason=for_logs(failure))
        await self._health.fails(connection, for_admins(failure))

    async def _list(self, connection: Connection) -> Offer:
        self._uses.note(connection, "tools/list", OURSELVES)
        async with self._breakers.guard(connection.tenant_id, connection.name):
            try:
                async with asyncio.timeout(self._terms.timeout_s):
                    tools = await self._servers.of(connection).list_tools()
            except TimeoutError:
                late = f"nothing within {self._terms.timeout_s:.0f} s"
                raise ServerAway(connection.name, late, at=address_of(connection)) from None
        source = source_of(connection)
        # Hashing hundreds of definitions takes a while, and so does compiling their schemas.
        hashes = await asyncio.to_thread(pinnable, tools)
        pins = await self._registry.pinned(connection.tenant_id, connection.id, hashes, tools)
        return await asyncio.to_thread(offer_of, source, tools, pins)


def source_of(connection: Connection) -> Source:
    return Source(
        connection_id=connection.id,
        name=connection.name,
        provider=connection.provider,
        is_believed=connection.provider not in _OF_OTHERS or connection.is_trusted,
        is_trusted=connection.is_trusted,
    )


def _tools(known: dict[UUID, _Known]) -> KnownTools:
    offers: Sequence[Offer] = [each.offer for each in known.values()]
    return KnownTools(Catalog.of(offers), {each.connection.id: each.connection for each in known.values()})
