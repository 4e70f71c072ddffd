"""Starts services in order, starts crashed ones again, stops all in reverse order."""

import asyncio
import time

from oblivion_cli.errors import CommandFailed
from oblivion_cli.up.services import Announce, Service
from oblivion_platform.embedded import ServerStartFailed
from oblivion_platform.tasks import end

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
STEADY_AFTER_S = 30.0
"""A service that lived this long starts again without waiting long, as if it had never failed."""


class Supervisor:
    """Keeps the services it has started alive until `stop`."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._services: list[Service] = []
        self._keepers: dict[str, asyncio.Task[None]] = {}

    async def start(self, *services: Service) -> None:
        """Start these at the same time and wait until all are ready.

        Raises:
            CommandFailed: one did not become ready; the others still have to be stopped.
        """
        self._services += services
        results = await asyncio.gather(*(each.start() for each in services), return_exceptions=True)
        for result in results:
            if isinstance(result, ServerStartFailed):
                raise CommandFailed(str(result), "Mend that, or start over with `oblivion up --fresh`.")
            if isinstance(result, BaseException):
                raise result
        for each in services:
            self._keepers[each.name] = asyncio.create_task(self._keep(each), name=f"keep {each.name}")

    async def drop(self, *names: str) -> None:
        """Stop these on purpose, in this order."""
        for service in [each for name in names for each in self._services if each.name == name]:
            await self._let_go(service)
            await service.stop()
            self._services.remove(service)

    async def stop(self) -> None:
        """Stop all, the last started first."""
        for service in reversed(self._services):
            await self._let_go(service)
            await service.stop()
        self._services.clear()

    async def _let_go(self, service: Service) -> None:
        keeper = self._keepers.pop(service.name, None)
        if keeper is not None:
            await end(keeper)

    async def _keep(self, service: Service) -> None:
        delay_s = FIRST_DELAY_S
        started_at = time.monotonic()
        reason = await service.ended()
        while True:
            if time.monotonic() - started_at > STEADY_AFTER_S:
                delay_s = FIRST_DELAY_S
            self._announce(f"{service.name} {reason}; starting it again in {delay_s:g} s")
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)
            started_at = time.monotonic()
            reason = await self._start_again(service)

    async def _start_again(self, service: Service) -> str:
        """Start it, wait for its next end, and say how it came."""
        try:
            await service.start()
        except (CommandFailed, ServerStartFailed) as failure:
            await service.stop()
            return f"did not start: {failure}"
        self._announce(f"{service.name} runs again")
        return await service.ended()
