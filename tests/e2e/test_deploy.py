"""`make deploy`: every part as a release of its own makes the same system."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from oblivion_cli.demo.story import Story
from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import ROOT, Installed, Namespace, image_tag, run
from tests.e2e.told import Told

pytestmark = pytest.mark.long

NAME = "oblivion-e2e-deploy"
STORES = {"database", "postgres", "redis"}
SERVICES = {"ingestion", "gateway", "mcp-hub", "observer", "router-worker"}
PARTS = STORES | SERVICES | {"operator", "sandbox", "cli", "squad"}


@pytest.fixture(scope="module")
def deployed(agent_resource: None) -> Iterator[Installed]:
    room = Namespace(NAME)
    room.delete()
    try:
        run(
            "env",
            f"NAMESPACE={NAME}",
            f"IMAGE_TAG={image_tag()}",
            str(ROOT / "helm" / "deploy.sh"),
            within_s=600,
        )
        yield Installed(room)
    finally:
        releases = run("helm", "list", "-n", NAME, "-q").split()
        if releases:
            run("helm", "uninstall", "-n", NAME, *releases, "--wait", "--timeout=180s")
        room.delete()


@pytest.mark.timeout(900)
async def test_every_part_is_its_own_release_and_a_task_travels(deployed: Installed) -> None:
    listed = json.loads(run("helm", "list", "-n", NAME, "-o", "json"))
    await deployed.wait_for_job("connect")
    await deployed.oblivion("mappings", "link", "Launch", "#launch", "--tenant", "default")
    told = Told()
    async with deployed.forward("sandbox") as way, SandboxControl(way.url) as control:
        await Story(control, way.url, told).play()
    restarts = await asyncio.to_thread(deployed.restarts)
    assert {release["name"] for release in listed} >= PARTS
    assert {release["status"] for release in listed} == {"deployed"}
    assert len(told.lines) >= 8
    assert restarts == {}
