"""The operator killed, doubled, cut off, overtaken and taken away: everything comes to what the specs say."""

import asyncio
import time
from uuid import UUID

import pytest
import yaml
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.types import PatchType
from sqlalchemy import text

from tests.e2e.operator.api_proxy import ApiProxy
from tests.e2e.operator.scene import DEFINITION, Scene, install_definition, new_run, slowly

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]
CRASHES_AT_MOST = 60
QUIET_S = 8.0
"""An operator that led for so long without a write has nothing more to write."""
CUT_FOR_S = 30.0


async def live_secrets(scene: Scene, uid: UUID) -> int:
    async with scene.world.database.tenant(scene.tenant.id) as tx:
        rows = await tx.execute(
            text("SELECT count(*) FROM client_secrets WHERE agent_id = :agent AND state = 'live'"),
            {"agent": uid},
        )
        return int(rows.scalar_one())


async def is_whole(scene: Scene, place: str, name: str) -> None:
    await scene.becomes(place, name, "RolledOut", within_s=90)
    assert len(await scene.children(place, name)) == 4
    assert await scene.token(*await scene.credentials(place, name)) is not None
    uid = UUID((await scene.agent(place, name))["metadata"]["uid"])
    assert await live_secrets(scene, uid) == 1


async def live_and_die(scene: Scene, proxy: ApiProxy, kill_after: int) -> bool:
    """Run an operator until it was killed after its k-th write; False: it had nothing more to write."""
    proxy.writes.clear()
    operator = await scene.start(proxy=proxy, OBLIVION_LEASE_S="1", OBLIVION_RESYNC_EVERY_S="1")
    proxy.kill_after, proxy.kill = kill_after, operator.kill

    async def leads_or_is_dead() -> None:
        assert not operator.is_alive or operator.said("this operator leads")

    async def is_dead() -> None:
        assert not operator.is_alive

    await slowly(leads_or_is_dead)
    try:
        await slowly(is_dead, within_s=QUIET_S)
    except AssertionError:
        operator.kill()
        await asyncio.to_thread(operator.process.wait, 10)
        return False
    return True


async def test_killed_after_every_write_of_a_birth_it_converges(scene: Scene) -> None:
    """One life for each write, each on top of what the one before left behind."""
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    async with scene.proxy() as proxy:
        crashes = 0
        while crashes < CRASHES_AT_MOST and await live_and_die(scene, proxy, 1):
            crashes += 1

        proxy.kill = None
        await scene.start(proxy=proxy)
        await is_whole(scene, place, "fixer")

    assert 6 <= crashes < CRASHES_AT_MOST


@pytest.mark.parametrize("kill_after", [2, 3, 5, 8])
async def test_killed_after_the_kth_write_of_a_life_it_converges(scene: Scene, kill_after: int) -> None:
    place = await scene.namespace()
    async with scene.proxy() as proxy:
        await scene.apply(place, "fixer")
        crashes = int(await live_and_die(scene, proxy, kill_after))
        await scene.edit(place, "fixer", description="edited", replicas=2)
        crashes += await live_and_die(scene, proxy, kill_after)
        proxy.kill = None
        await scene.start(proxy=proxy)
        await is_whole(scene, place, "fixer")

    assert crashes >= 1
    assert (await scene.child("Deployment", place, "fixer") or {})["spec"]["replicas"] == 2


@pytest.mark.parametrize("kill_after", [1, 2, 3])
async def test_killed_after_the_kth_write_of_waking_and_sleeping_it_converges(
    scene: Scene, kill_after: int
) -> None:
    place = await scene.namespace()
    uid = await scene.apply(place, "fixer", replicas=0, idleMinutes=1)
    async with scene.proxy() as proxy:
        while await live_and_die(scene, proxy, kill_after):
            pass
        run = await new_run(scene, uid)
        await live_and_die(scene, proxy, kill_after)
        proxy.kill = None
        await scene.start(proxy=proxy)
        await is_whole(scene, place, "fixer")
        async with scene.world.database.tenant(scene.tenant.id) as tx:
            done = "UPDATE runs SET state = 'succeeded', finished_at = now() WHERE id = :run"
            await tx.execute(text(done), {"run": run})
        await scene.becomes(place, "fixer", "Asleep", within_s=120)

    assert await live_secrets(scene, uid) == 1


@pytest.mark.parametrize("kill_after", [1, 2, 3])
async def test_killed_while_an_agent_goes_and_its_successor_comes_it_converges(
    scene: Scene, kill_after: int
) -> None:
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    async with scene.proxy() as proxy:
        while await live_and_die(scene, proxy, kill_after):
            pass
        credentials = await scene.credentials(place, "fixer")
        await scene.delete(place, "fixer")
        await scene.apply(place, "fixer")
        await live_and_die(scene, proxy, kill_after)
        proxy.kill = None
        await scene.start(proxy=proxy)
        await is_whole(scene, place, "fixer")

    async def is_shut_out() -> None:
        assert await scene.token(*credentials) is None

    await slowly(is_shut_out)


async def test_of_two_operators_one_acts_and_the_other_says_why_it_waits_and_takes_over(scene: Scene) -> None:
    first = await scene.start(identity="first")
    place = await scene.namespace()
    uid = await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")
    second = await scene.start(identity="second")

    async def waits() -> None:
        assert second.said("another operator leads; this one waits")

    await slowly(waits)
    before = (await scene.child("Deployment", place, "fixer") or {})["metadata"]["generation"]
    others = [await scene.apply(place, f"other-{n}") for n in range(5)]
    for n in range(5):
        await scene.becomes(place, f"other-{n}", "RolledOut")
    assert not second.said("this operator leads")

    first.kill()
    await scene.apply(place, "late")
    await scene.becomes(place, "late", "RolledOut")

    assert second.said("this operator leads")
    assert (await scene.child("Deployment", place, "fixer") or {})["metadata"]["generation"] == before
    assert [await live_secrets(scene, one) for one in (uid, *others)] == [1] * 6


async def test_two_operators_that_start_at_once_make_one_of_everything(scene: Scene) -> None:
    place = await scene.namespace()
    uids = [await scene.apply(place, f"agent-{n}") for n in range(5)]

    await asyncio.gather(*(scene.start(identity=one, OBLIVION_LEASE_S="15") for one in ("first", "second")))
    for n in range(5):
        await scene.becomes(place, f"agent-{n}", "RolledOut")

    assert [await live_secrets(scene, uid) for uid in uids] == [1] * 5
    assert sum(operator.said("this operator leads") for operator in scene.operators) == 1


async def test_what_happens_while_all_watches_are_cut_is_caught_up_with(scene: Scene) -> None:
    async with scene.proxy() as proxy:
        await scene.start(proxy=proxy, OBLIVION_WATCH_QUIET_S="10", OBLIVION_RESYNC_EVERY_S="60")
        place = await scene.namespace()
        for name in ("edited", "deleted"):
            await scene.apply(place, name)
            await scene.becomes(place, name, "RolledOut")
        credentials = await scene.credentials(place, "deleted")

        proxy.cut_watches()
        cut_at = time.monotonic()
        await scene.edit(place, "edited", replicas=2)
        await scene.delete(place, "deleted")
        await scene.apply(place, "new")

        async def all_were_tried_anew() -> None:
            assert time.monotonic() - cut_at >= CUT_FOR_S
            assert {path: proxy.refused[path] for path in proxy.watched if proxy.refused[path] < 2} == {}

        await slowly(all_were_tried_anew, within_s=120)
        proxy.is_cut = False

        await scene.becomes(place, "edited", "RolledOut")
        await scene.becomes(place, "new", "RolledOut")
        assert (await scene.child("Deployment", place, "edited") or {})["spec"]["replicas"] == 2

        async def is_gone() -> None:
            assert await scene.children(place, "deleted") == {}
            assert await scene.token(*credentials) is None

        await slowly(is_gone, within_s=90)


async def test_a_hundred_agents_of_which_ten_are_awake(scene: Scene) -> None:
    await scene.start(OBLIVION_DEMAND_EVERY_S="2", OBLIVION_RESYNC_EVERY_S="60")
    place = await scene.namespace()
    began = asyncio.get_running_loop().time()
    for n in range(100):
        await scene.apply(place, f"agent-{n}", replicas=int(n < 10))

    for n in range(100):
        await scene.becomes(place, f"agent-{n}", "RolledOut" if n < 10 else "Asleep", within_s=180)
    elapsed_s = asyncio.get_running_loop().time() - began

    async def are_ten() -> None:
        running = [pod for pod in await scene.pods(place) if pod["status"].get("phase") == "Running"]
        assert len(running) == 10

    await slowly(are_ten)
    print(f"100 agents, 10 awake: {elapsed_s:.1f} s")
    assert scene.operators[0].is_alive


async def test_an_upgrade_of_the_definition_keeps_the_agents(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    uid = await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")
    newer = yaml.safe_load(DEFINITION.read_text())
    spec = newer["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["mood"] = {"type": "string"}

    await scene.kube.patch(
        CustomResourceDefinition,
        newer["metadata"]["name"],
        newer,
        patch_type=PatchType.APPLY,
        field_manager="helm",
        force=True,
    )
    try:
        await scene.edit(place, "fixer", description="after the upgrade")
        await scene.becomes(place, "fixer", "RolledOut")
        assert (await scene.agent(place, "fixer"))["metadata"]["uid"] == str(uid)
    finally:
        await install_definition(scene.kube)
    await scene.edit(place, "fixer", description="after the way back")
    await scene.becomes(place, "fixer", "RolledOut")


async def test_an_operator_that_is_taken_away_first_leaves_nothing_stuck(scene: Scene) -> None:
    operator = await scene.start()
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")
    credentials = await scene.credentials(place, "fixer")
    await operator.stop()
    assert operator.process.returncode == 0

    await scene.delete(place, "fixer")

    async def is_gone() -> None:
        assert await scene.children(place, "fixer") == {}

    await slowly(is_gone)
    assert await scene.token(*credentials) is not None
    await scene.start()

    async def is_shut_out() -> None:
        assert await scene.token(*credentials) is None

    await slowly(is_shut_out)


async def test_an_operator_that_is_stopped_hands_over_at_once(scene: Scene) -> None:
    first = await scene.start(identity="first", OBLIVION_LEASE_S="60")
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")

    await first.stop()
    await scene.start(identity="second", OBLIVION_LEASE_S="60")
    await scene.edit(place, "fixer", description="edited")

    ready = await scene.becomes(place, "fixer", "RolledOut", within_s=30)
    assert ready["status"] == "True"
