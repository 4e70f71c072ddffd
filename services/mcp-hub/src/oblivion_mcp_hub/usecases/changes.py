"""Who is to hear, in this process, that a tenant's lists are not what they were.

What is told is which lists, never what is new in them, so what one listener has not taken yet is one set
however often it is told; a flood costs a listener one notification for each `GATHERED_S`.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Generator, Iterable
from contextlib import contextmanager
from itertools import count
from uuid import UUID, uuid4

from oblivion_mcp_hub.errors import TooManyStreams
from oblivion_mcp_hub.ports import LIST_KINDS, ListKind

GATHERED_S = 0.1
LISTENERS_MAX = 200
"""Of one tenant, in this process."""


class Listening:
    """One listener's side."""

    def __init__(self) -> None:
        self._untold: set[ListKind] = set()
        self._woken = asyncio.Event()
        self._is_over = False

    def tell(self, kinds: Iterable[ListKind]) -> None:
        self._untold.update(kinds)
        self._woken.set()

    def end(self) -> None:
        self._is_over = True
        self._woken.set()

    async def __aiter__(self) -> AsyncIterator[list[ListKind]]:
        """The lists that changed, until there is nobody left who would say so."""
        while True:
            await self._woken.wait()
            if self._is_over:
                return
            await asyncio.sleep(GATHERED_S)
            self._woken.clear()
            told: list[ListKind] = [kind for kind in LIST_KINDS if kind in self._untold]
            self._untold.clear()
            yield told


class Changes:
    """All listeners of this process."""

    def __init__(self) -> None:
        self._listeners: dict[UUID, set[Listening]] = {}
        self._us = uuid4().hex[:8]
        self._count = count(1)
        self._last: dict[UUID, int] = {}

    @contextmanager
    def listening(self, tenant_id: UUID) -> Generator[Listening]:
        """Raises: TooManyStreams."""
        listeners = self._listeners.setdefault(tenant_id, set())
        if len(listeners) >= LISTENERS_MAX:
            raise TooManyStreams(LISTENERS_MAX)
        listening = Listening()
        listeners.add(listening)
        try:
            yield listening
        finally:
            listeners.discard(listening)
            if not listeners:
                self._listeners.pop(tenant_id, None)

    def tell(self, tenant_id: UUID, kinds: Collection[ListKind] = LIST_KINDS) -> None:
        self._last[tenant_id] = next(self._count)
        for listening in self._listeners.get(tenant_id, ()):
            listening.tell(kinds)

    def tell_all(self) -> None:
        """Something may have changed for anybody."""
        self._us = uuid4().hex[:8]
        self._last.clear()
        for listeners in self._listeners.values():
            for listening in listeners:
                listening.tell(LIST_KINDS)

    def mark(self, tenant_id: UUID) -> str:
        """Of all that was told so far; whoever comes back with another one may have missed something."""
        return f"lists-{self._us}-{self._last.get(tenant_id, 0)}"

    def end(self) -> None:
        for listeners in self._listeners.values():
            for listening in listeners:
                listening.end()
