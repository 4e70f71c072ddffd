"""One request that changes something: one transaction, its answer kept under its Idempotency-Key.

A repeat with the same key gets the answer of the first; of two at the same time, the second waits for the
first one's commit. A request that failed leaves nothing behind, so its repeat is a new try.
"""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.errors import RequestInvalid
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.operations.audit import Actor, note

ResultT = TypeVar("ResultT")
AfterCommit = Callable[[], Awaitable[object]]


@dataclass
class Unit:
    """The transaction of one request, who asks, and what is to be done once it is committed."""

    tx: Tx
    caller: Caller
    after_commit: list[AfterCommit] = field(default_factory=list[AfterCommit])

    @property
    def actor(self) -> Actor:
        return Actor(self.caller.subject)

    async def note(self, action: str, subject: object, **detail: Any) -> None:
        """Add a line to the audit log."""
        await note(self.tx, self.caller.tenant_id, self.actor, action, subject, **detail)


@dataclass(frozen=True, slots=True)
class Call:
    """A request as idempotency sees it."""

    caller: Caller
    key: str | None
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What was, or is again, answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer to an earlier request of the same key."""

    request_hash: bytes
    answer: Answer


class Answers(Protocol):
    """Where answers are kept, in the caller's transaction."""

    async def claim(self, tx: Tx, call: Call) -> KeptAnswer | None:
        """None: the key is ours now. Waits for whoever is just using it."""
        ...

    async def keep(self, tx: Tx, call: Call, answer: Answer) -> None: ...


class Requests:
    """Runs requests that change something."""

    def __init__(self, database: Database, answers: Answers) -> None:
        self._database = database
        self._answers = answers

    async def run(
        self,
        call: Call,
        work: Callable[[Unit], Awaitable[BaseModel | Sequence[BaseModel] | None]],
        status: int,
    ) -> Answer:
        """Do `work` once, and what it left to be done after the commit.

        Raises:
            RequestInvalid: the key belongs to another request.
        """
        async with self._database.tenant(call.caller.tenant_id) as tx:
            kept = await self._answers.claim(tx, call) if call.key is not None else None
            if kept is not None:
                return _same(kept, call)
            unit = Unit(tx, call.caller)
            result = await work(unit)
            answer = Answer(status, b"" if result is None else _json(result))
            if call.key is not None:
                await self._answers.keep(tx, call, answer)
        for action in unit.after_commit:
            await action()
        return answer

    async def read(self, caller: Caller, work: Callable[[Unit], Awaitable[ResultT]]) -> ResultT:
        """Do `work`, which changes nothing."""
        async with self._database.tenant(caller.tenant_id) as tx:
            return await work(Unit(tx, caller))


def _same(kept: KeptAnswer, call: Call) -> Answer:
    if not hmac.compare_digest(kept.request_hash, call.request_hash):
        raise RequestInvalid(
            "idempotency_key_reused", "This Idempotency-Key belongs to another request. Use a new one."
        )
    return kept.answer


def _json(result: BaseModel | Sequence[BaseModel]) -> bytes:
    if isinstance(result, BaseModel):
        return result.model_dump_json().encode()
    return b"[" + b",".join(item.model_dump_json().encode() for item in result) + b"]"
