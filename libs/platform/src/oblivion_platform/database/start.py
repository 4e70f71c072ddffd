"""How a service that answers requests starts: at once, and to work as soon as Postgres is usable."""

import asyncio
from collections.abc import Callable

from oblivion_platform.database.engine import Database, PrivilegedRole
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.health import Health, Phase
from oblivion_platform.logging import get_logger
from oblivion_platform.service import CannotStart
from oblivion_platform.tasks import end

_POLL_S = 0.5
_log = get_logger(__name__)


class StartWhenUsable:
    """Calls `begin` once Postgres answers, the role is safe and migrations have run; ready from then on."""

    def __init__(self, database: Database, health: Health, begin: Callable[[], None]) -> None:
        self._database = database
        self._health = health
        self._begin = begin
        self._waiting: asyncio.Task[None] | None = None
        health.proofs_of_life["database role"] = self._role_is_safe

    async def start(self) -> None:
        """Look once, then wait beside the requests, which are answered 503 until then.

        Raises:
            CannotStart: Postgres is there, and our role in it could see past row-level security.
        """
        try:
            await self._database.refuse_privileged_role()
        except PrivilegedRole as error:
            raise CannotStart(str(error)) from None
        except DependencyUnavailable as error:
            _log.warning("postgres away at start", code=error.code)
        self._waiting = asyncio.create_task(self._begin_when_usable(), name="start")

    async def close(self) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            await end(self._waiting)

    async def _begin_when_usable(self) -> None:
        await self._database.wait_until_usable(poll_s=_POLL_S)
        self._begin()
        self._health.phase = Phase.READY

    def _role_is_safe(self) -> bool:
        """False once a Postgres that was away at start came back and gave us too much: start anew, refuse."""
        waiting = self._waiting
        return waiting is None or not (waiting.done() and not waiting.cancelled() and waiting.exception())
