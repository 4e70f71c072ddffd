"""Secrets are kept, forgotten on announcement, and bounded."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from oblivion_ingestion.adapters.secrets import SecretCache
from oblivion_ingestion.domain.deliveries import Secret, SecretKey
from oblivion_ingestion.errors import StoreUnavailable

KEY = SecretKey("lookup", "slack", "slack:A1:T1")
APP = SecretKey("slack_app", "slack", "A1")
PATH = SecretKey("integration", "slack", str(UUID(int=1)))


class Store:
    """A slower place, that counts how often it is asked."""

    def __init__(self) -> None:
        self.secrets: dict[SecretKey, Sequence[Secret]] = {}
        self.asked: Counter[SecretKey] = Counter()
        self.answers = asyncio.Event()
        self.answers.set()
        self.away = False

    async def look_up(self, key: SecretKey) -> Sequence[Secret]:
        self.asked[key] += 1
        found = self.secrets.get(key, ())
        await self.answers.wait()
        if self.away:
            raise StoreUnavailable
        return found


def secret(value: bytes) -> Secret:
    return Secret(value, UUID(int=1), UUID(int=1), "slack:A1:T1")


async def test_an_answer_is_kept_and_so_is_none() -> None:
    store = Store()
    store.secrets[KEY] = [secret(b"one")]
    cache = SecretCache(store.look_up)
    for _ in range(3):
        assert await cache.find(KEY) == [secret(b"one")]
        assert await cache.find(APP) == ()
    assert store.asked == {KEY: 1, APP: 1}


async def test_it_is_asked_again_when_its_time_is_over() -> None:
    store = Store()
    cache = SecretCache(store.look_up, keep_s=0)
    await cache.find(KEY)
    await cache.find(KEY)
    assert store.asked[KEY] == 2


@pytest.mark.parametrize("key", [KEY, APP, PATH])
async def test_an_announced_change_drops_every_entry_it_could_touch(key: SecretKey) -> None:
    store = Store()
    cache = SecretCache(store.look_up)
    await cache.find(key)
    store.secrets[key] = [secret(b"new")]
    cache.drop("slack:A1:T1")
    assert await cache.find(key) == [secret(b"new")]


async def test_an_announced_change_leaves_the_others_alone() -> None:
    store = Store()
    cache = SecretCache(store.look_up)
    await cache.find(KEY)
    cache.drop("slack:A1:T2")
    cache.drop("clickup:wh")
    await cache.find(KEY)
    assert store.asked[KEY] == 1


async def test_an_answer_from_before_a_change_is_not_kept() -> None:
    store = Store()
    store.answers.clear()
    cache = SecretCache(store.look_up)
    waiting = asyncio.create_task(cache.find(KEY))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.secrets[KEY] = [secret(b"new")]
    cache.drop("slack:A1:T1")
    store.answers.set()
    await waiting
    assert await cache.find(KEY) == [secret(b"new")]


async def test_those_who_ask_at_once_share_one_lookup_and_one_that_leaves_does_not_end_it() -> None:
    store = Store()
    store.answers.clear()
    store.secrets[KEY] = [secret(b"one")]
    cache = SecretCache(store.look_up)
    askers = [asyncio.create_task(cache.find(KEY)) for _ in range(5)]
    await asyncio.sleep(0)
    askers[0].cancel()
    store.answers.set()
    answers = await asyncio.gather(*askers[1:])
    assert answers == [[secret(b"one")]] * 4
    assert store.asked[KEY] == 1


async def test_a_failed_lookup_is_not_kept_and_is_never_an_empty_answer() -> None:
    store = Store()
    store.away = True
    cache = SecretCache(store.look_up)
    with pytest.raises(StoreUnavailable):
        await cache.find(KEY)
    store.away = False
    store.secrets[KEY] = [secret(b"one")]
    assert await cache.find(KEY) == [secret(b"one")]


async def test_a_flood_of_invented_names_is_bounded_and_pushes_out_nothing_real() -> None:
    store = Store()
    store.secrets[KEY] = [secret(b"one")]
    cache = SecretCache(store.look_up, kept_keys=10)
    await cache.find(KEY)
    for number in range(100):
        await cache.find(SecretKey("lookup", "clickup", f"clickup:{number}"))
    await cache.find(KEY)
    assert store.asked[KEY] == 1
    assert len(cache) == 11


async def test_a_flood_of_lookups_at_once_is_refused_for_now() -> None:
    store = Store()
    store.answers.clear()
    cache = SecretCache(store.look_up)
    keys = [SecretKey("lookup", "clickup", f"clickup:{number}") for number in range(200)]
    flood = [asyncio.create_task(cache.find(key)) for key in keys]
    await asyncio.sleep(0)
    store.answers.set()
    answers = await asyncio.gather(*flood, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, StoreUnavailable)]
    assert len(refused) == 100
