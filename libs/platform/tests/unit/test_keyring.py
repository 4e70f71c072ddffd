"""Signing keys while Postgres is slow or away: what was known is believed, and nobody queues."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from joserfc.jwk import ECKey

from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.testing import PATIENCE_S
from oblivion_platform.tokens import TokenKeys
from oblivion_platform.tokens.keyring import ASK_AGAIN_S, BELIEVED_S, KEEP_S

KEY = uuid4()
ROW = SimpleNamespace(
    id=KEY,
    tenant_id=uuid4(),
    public_jwk=ECKey.generate_key("P-256").as_dict(private=False),
    purpose="tokens",
)


class Postgres:
    """Holds one key; answers, or hangs, or is away."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_away = False
        self.answers = asyncio.Event()
        self.answers.set()

    @asynccontextmanager
    async def relay(self) -> AsyncGenerator[Any]:
        self.asked += 1
        await self.answers.wait()
        if self.is_away:
            raise DependencyUnavailable("postgres_unavailable", "away", 1.0)
        yield self

    async def execute(self, _statement: object) -> Any:
        return SimpleNamespace(all=lambda: [ROW])


class Clock:
    """Time that a test moves."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def keyring() -> tuple[TokenKeys, Postgres, Clock]:
    postgres, clock = Postgres(), Clock()
    make: Any = TokenKeys
    return make(postgres, None, clock), postgres, clock


async def test_tokens_of_known_keys_do_not_wait_for_a_postgres_that_hangs() -> None:
    keys, postgres, clock = keyring()
    assert await keys.verifying(KEY) is not None
    clock.now_s += KEEP_S + 1
    postgres.answers.clear()
    async with asyncio.timeout(PATIENCE_S):
        found = await asyncio.gather(*(keys.verifying(KEY) for _ in range(50)))
        assert None not in found
        assert await keys.verifying(KEY) is not None
    assert postgres.asked == 2, "one question for all, and waited for once"
    postgres.answers.set()
    await asyncio.sleep(0)


async def test_known_keys_are_believed_for_some_minutes_while_postgres_is_away_and_then_no_more() -> None:
    keys, postgres, clock = keyring()
    await keys.verifying(KEY)
    postgres.is_away = True
    clock.now_s += KEEP_S + 1
    for _ in range(20):
        assert await keys.verifying(KEY) is not None
    assert postgres.asked == 2, "a failure is remembered for a moment"
    clock.now_s += BELIEVED_S
    for _ in range(20):
        with pytest.raises(DependencyUnavailable):
            await keys.verifying(KEY)
    assert postgres.asked == 3
    postgres.is_away = False
    clock.now_s += ASK_AGAIN_S
    assert await keys.verifying(KEY) is not None


async def test_an_unknown_key_is_asked_about_and_is_not_unknown_because_postgres_is_away() -> None:
    keys, postgres, clock = keyring()
    assert await keys.verifying(uuid4()) is None
    clock.now_s += ASK_AGAIN_S
    postgres.is_away = True
    with pytest.raises(DependencyUnavailable):
        await keys.verifying(uuid4())
    assert await keys.verifying(KEY) is not None
