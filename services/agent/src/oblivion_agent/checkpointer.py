"""LangGraph's checkpoints, kept with the run: whoever continues it finds the graph where it stood."""

# ruff: noqa: ARG002 - The signatures are LangGraph's.

import base64
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from oblivion_client import CheckpointTooLarge, Run

logger = logging.getLogger(__name__)


def mark_of(run: Run) -> str:
    """The run's word for the marks around what others wrote: one that nobody can guess.

    A restored run keeps the word that its messages have already.
    """
    stored: Any = run.restored
    kept = cast("dict[str, Any]", stored).get("mark") if isinstance(stored, dict) else None
    return kept if isinstance(kept, str) and kept else secrets.token_hex(8)


class RunCheckpointer(BaseCheckpointSaver[int]):
    """Holds the newest checkpoint of one run, and stores it through `run.checkpoint`."""

    def __init__(self, run: Run, mark: str) -> None:
        super().__init__()
        self._run = run
        self._mark = mark
        self._newest: tuple[Checkpoint, CheckpointMetadata] | None = self._read(run.restored)
        self._writes: list[tuple[str, str, Any]] = []

    @property
    def restored(self) -> bool:
        """Whether there is something to continue from."""
        return self._newest is not None

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        if self._newest is None:
            return None
        checkpoint, metadata = self._newest
        return CheckpointTuple(_at(config, checkpoint), checkpoint, metadata, None, list(self._writes))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph names it so
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        newest = await self.aget_tuple(config or {})
        if newest is not None:
            yield newest

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._newest = (checkpoint.copy(), metadata)
        self._writes = []
        try:
            await self._run.checkpoint(self._written())
        except CheckpointTooLarge:
            logger.warning(
                "run %s has grown too large to be stored; it goes on from its last checkpoint", self._run.id
            )
        return _at(config, checkpoint)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        # Kept for this process only: the checkpoint that follows at once holds them too.
        self._writes += [(task_id, channel, value) for channel, value in writes]

    def get_next_version(self, current: int | None, channel: None) -> int:
        return 1 if current is None else current + 1

    def _written(self) -> dict[str, list[str] | str]:
        assert self._newest is not None  # noqa: S101 - set by the only caller
        checkpoint, metadata = self._newest
        return {
            "checkpoint": self._dump(checkpoint),
            "metadata": self._dump(metadata),
            "mark": self._mark,
        }

    def _read(self, stored: Any) -> tuple[Checkpoint, CheckpointMetadata] | None:
        if not isinstance(stored, dict):
            return None
        known = cast("dict[str, list[str]]", stored)
        return self._load(known["checkpoint"]), self._load(known["metadata"])

    def _dump(self, value: Any) -> list[str]:
        kind, data = self.serde.dumps_typed(value)
        return [kind, base64.b85encode(data).decode()]

    def _load(self, stored: list[str]) -> Any:
        kind, data = stored
        return self.serde.loads_typed((kind, base64.b85decode(data)))


def _at(config: RunnableConfig, checkpoint: Checkpoint) -> RunnableConfig:
    configurable = config.get("configurable") or {}
    return {
        "configurable": {
            "thread_id": configurable.get("thread_id", ""),
            "checkpoint_ns": configurable.get("checkpoint_ns", ""),
            "checkpoint_id": checkpoint["id"],
        }
    }
