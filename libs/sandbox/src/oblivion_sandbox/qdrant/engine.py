"""Qdrant itself: the client library's local mode, kept on disk, used from one thread of its own.

The library costs 100 MB, so it is imported at the first request. Local mode searches exactly, without
an index.
"""

import asyncio
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Result = TypeVar("Result")


class Engine:
    """The collections of one directory, which belongs to this process alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qdrant")
        self._client: QdrantClient | None = None

    async def run(self, work: "Callable[[QdrantClient], Result]") -> Result:
        """Do some work on the client, after all that was asked for before."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(self._work, work))

    def _work(self, work: "Callable[[QdrantClient], Result]") -> Result:
        return work(self._opened())

    def _opened(self) -> "QdrantClient":
        if self._client is None:
            from qdrant_client import QdrantClient

            self._client = QdrantClient(path=str(self._directory))
        return self._client

    def forget(self) -> None:
        """Begin as at first start."""
        self._thread.submit(self._forget).result()

    def _forget(self) -> None:
        self._close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def close(self) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
