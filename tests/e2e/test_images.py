"""The images as pods have them: not root, nothing to build with, nothing to write to, and not too large."""

import asyncio

import pytest

from tests.e2e.cluster import Installed
from tests.e2e.measured import measured

SIZE_GOAL_MB = 150.0
AT_MOST_MB = {"gateway": 165.0}
"""Above the goal: what search by meaning needs."""
IMAGES = ("ingestion", "router-worker", "gateway", "mcp-hub", "observer", "operator", "cli")
LOOK = """
id -u
for each in gcc cc c++ make git curl npm; do command -v $each || true; done
touch /opt/oblivion/written 2>/dev/null && echo written
true
"""
PACKED = """
tar -C / --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./tmp -c . 2>/dev/null | gzip | wc -c
"""


async def said(system: Installed, image: str, script: str) -> str:
    command = ("exec", f"deploy/oblivion-{image}", "-c", image, "--", "sh", "-c", script)
    return await asyncio.to_thread(system.namespace.kubectl, *command)


@pytest.mark.timeout(120)
async def test_services_run_as_nobody_in_particular_on_a_root_that_cannot_be_written(
    default_system: Installed,
) -> None:
    seen = {image: (await said(default_system, image, LOOK)).split() for image in IMAGES}
    assert seen == {image: ["10001"] for image in IMAGES}


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_images_are_no_larger_than_they_may_be(default_system: Installed) -> None:
    sizes = {image: int(await said(default_system, image, PACKED)) / 1e6 for image in IMAGES}
    for image, size in sizes.items():
        measured(f"image {image}, compressed", size, "MB", SIZE_GOAL_MB)
    assert {image: size for image, size in sizes.items() if size > AT_MOST_MB.get(image, SIZE_GOAL_MB)} == {}
