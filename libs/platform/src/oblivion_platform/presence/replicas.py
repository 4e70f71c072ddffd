"""One connected replica of an agent, and how it stands in Redis."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from oblivion_contracts.identifiers import DEFAULT_TASK


class Replica(BaseModel):
    """A socket on which an agent said hello."""

    model_config = ConfigDict(frozen=True)

    sid: str
    gateway: str
    handlers: list[str]
    concurrency: int
    running: int = 0
    draining: bool = False
    since: float
    """Unix time of its hello, s."""
    version: str = ""
    instance: str = ""
    """The process that it speaks for, over all its sockets; empty: it does not say."""

    def handles(self, task: str) -> bool:
        return task in self.handlers or DEFAULT_TASK in self.handlers


@dataclass(frozen=True, slots=True)
class Place:
    """A socket that takes a run, and the gateway process that has it."""

    sid: str
    gateway: str


def presence_key(tenant_id: UUID, agent_id: UUID) -> str:
    return f"t:{tenant_id}:presence:{agent_id}"
