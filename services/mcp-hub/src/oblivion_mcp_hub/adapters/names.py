"""Names of hosts → addresses, looked up in threads of their own.

A look-up cannot be ended, and a name may be anybody's who makes it take for ever: what everything else in
this process resolves with is not kept busy by that, and nobody waits behind another tenant's names.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any
from weakref import WeakValueDictionary

from cachetools import TTLCache

AT_ONCE = 64
OF_ONE_AT_ONCE = 12
WAITED_FOR_S = 10.0
FAILED_KEPT_S = 5.0
FAILED_KEPT = 1_000

LookUp = Callable[..., list[tuple[Any, ...]]]


class Names:
    """Looks each up once at a time, whoever asks."""

    def __init__(self, look_up: LookUp | None = None, waited_for_s: float = WAITED_FOR_S) -> None:
        self._look_up = look_up
        self._waited_for_s = waited_for_s
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="names")
        self._under_way: dict[tuple[str, int, Hashable], asyncio.Task[list[str]]] = {}
        self._places: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        self._failed: TTLCache[str, str] = TTLCache(FAILED_KEPT, FAILED_KEPT_S)

    async def addresses(self, host: str, port: int, whose: Hashable = None) -> list[str]:
        """Each once, in the order of preference. Raises: OSError, UnicodeError."""
        if _is_address(host):
            return [host]
        if host in self._failed:
            raise OSError(self._failed[host])
        try:
            async with asyncio.timeout(self._waited_for_s):
                # Shielded: others wait for the same.
                return await asyncio.shield(self._looking_up(host, port, whose))
        except TimeoutError:
            self._failed[host] = f"nobody says where {host} is"
        except OSError as error:
            self._failed[host] = str(error)
        raise OSError(self._failed[host])

    def _looking_up(self, host: str, port: int, whose: Hashable) -> asyncio.Task[list[str]]:
        key = (host, port, whose)
        task = self._under_way.get(key)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.create_task(self._found(host, port, whose), name="name")
            # Nobody may be waiting any more when it fails.
            task.add_done_callback(lambda task: task.cancelled() or task.exception())
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
            self._under_way[key] = task
        return task

    async def _found(self, host: str, port: int, whose: Hashable) -> list[str]:
        places = self._places.setdefault(whose, asyncio.Semaphore(OF_ONE_AT_ONCE))
        async with places:
            look_up = partial(self._look_up or socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))


@cache
def shared_names() -> Names:
    """Of this process."""
    return Names()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
