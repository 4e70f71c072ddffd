"""Names that nobody answers keep nobody else waiting."""

import asyncio
import threading

import pytest

from oblivion_mcp_hub.adapters.guarded_http import AddressGuard
from oblivion_mcp_hub.adapters.names import AT_ONCE, Names
from oblivion_mcp_hub.errors import AddressRefused
from oblivion_platform.tasks import end


class Resolver:
    """`*.slow.test` is answered once it is let go."""

    def __init__(self):
        self.let_go = threading.Event()
        self.asked = []

    def __call__(self, host, port, **_):
        self.asked.append(host)
        if host.endswith(".slow.test"):
            self.let_go.wait()
        if host.endswith(".none.test"):
            raise OSError("no such name")
        return [(2, 1, 6, "", ("93.184.215.14", port))]


@pytest.fixture
def resolver():
    made = Resolver()
    yield made
    made.let_go.set()


async def test_names_that_nobody_answers_keep_neither_this_process_nor_another_tenant_waiting(resolver):
    guard = AddressGuard(names=Names(resolver))
    theirs = guard.of("theirs")
    waiting = [
        asyncio.create_task(theirs.resolve(f"{number}.slow.test", 80)) for number in range(2 * AT_ONCE)
    ]
    async with asyncio.timeout(30):
        assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
        assert await guard.of("ours").resolve("quick.test", 80) == ["93.184.215.14"]
        assert await asyncio.to_thread(lambda: "not busy") == "not busy"
    assert len(resolver.asked) < AT_ONCE
    resolver.let_go.set()
    await end(*waiting)


async def test_a_name_is_waited_for_no_longer_than_a_connection(resolver):
    names = Names(resolver, waited_for_s=0.05)
    with pytest.raises(OSError, match=r"nobody says where a\.slow\.test is"):
        await names.addresses("a.slow.test", 80)
    with pytest.raises(OSError, match="nobody says"):
        await names.addresses("a.slow.test", 443)
    assert resolver.asked == ["a.slow.test"]


async def test_a_name_that_failed_is_not_looked_up_for_each_call(resolver):
    names = Names(resolver)
    for _ in range(10):
        with pytest.raises(OSError, match="no such name"):
            await names.addresses("a.none.test", 80)
    assert resolver.asked == ["a.none.test"]


async def test_the_same_name_is_looked_up_once_for_all_who_wait_for_it(resolver):
    names = Names(resolver)
    waiting = [asyncio.create_task(names.addresses("a.slow.test", 80)) for _ in range(20)]
    await asyncio.sleep(0)
    resolver.let_go.set()
    found = await asyncio.gather(*waiting)
    assert (set(map(tuple, found)), resolver.asked) == ({("93.184.215.14",)}, ["a.slow.test"])


async def test_an_address_is_looked_up_nowhere_and_judged_all_the_same(resolver):
    with pytest.raises(AddressRefused):
        await AddressGuard(names=Names(resolver)).resolve("10.0.0.1", 80)
    assert resolver.asked == []
