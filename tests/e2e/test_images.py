"""The images as pods have them: not root, nothing to build with, nothing to write to, and not too large."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Installed
from tests.e2e.measured import measured

AT_MOST_MB = 150.0
AT_MOST_MB_OF_THE_BASE = 90.0
"""What other people's agents are built on."""
IMAGES = ("ingestion", "router-worker", "gateway", "mcp-hub", "observer", "operator", "cli", "sandbox")
FOR_AGENTS = ("agent", "agent-base")
LOOK = """
id -u
for each in gcc cc c++ make git curl npm; do command -v $each || true; done
touch /opt/oblivion/written 2>/dev/null && echo written
true
"""
PACKED = """
tar -C / --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./tmp -c . 2>/dev/null | gzip | wc -c
"""


def too_large(sizes: dict[str, float]) -> dict[str, float]:
    """Those images that have more megabytes than they may; all are noted down."""
    goals = {**dict.fromkeys(sizes, AT_MOST_MB), "agent-base": AT_MOST_MB_OF_THE_BASE}
    for image, size in sizes.items():
        measured(f"image {image}, compressed", size, "MB", goals[image])
    return {image: size for image, size in sizes.items() if size > goals[image]}


def pod_of(system: Installed, image: str) -> str:
    """A pod that does nothing, from the image that Agents get, or the one that it has beside it."""
    (operator,) = system.pods("operator")
    variables = {each["name"]: each.get("value", "") for each in operator["spec"]["containers"][0]["env"]}
    reference = variables["OBLIVION_AGENT_IMAGE"].replace("/agent:", f"/{image}:")
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {"name": image, "image": reference, "command": ["sleep", "600"], "securityContext": security}
    spec = {
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 0,
    }
    name = f"look-into-{image}"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    system.namespace.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    system.namespace.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    return name


@pytest.fixture
def agents_pods(default_system: Installed) -> Iterator[dict[str, str]]:
    names = {image: pod_of(default_system, image) for image in FOR_AGENTS}
    yield names
    default_system.namespace.kubectl("delete", "pod", *names.values())


@pytest.mark.timeout(600)
def test_images_for_agents_are_small_and_run_as_nobody_in_particular(
    default_system: Installed, agents_pods: dict[str, str]
) -> None:
    def said_in(pod: str, script: str) -> str:
        return default_system.namespace.kubectl("exec", pod, "--", "sh", "-c", script)

    seen = {image: said_in(pod, LOOK).split() for image, pod in agents_pods.items()}
    sizes = {image: int(said_in(pod, PACKED)) / 1e6 for image, pod in agents_pods.items()}
    assert seen == {image: ["10001"] for image in FOR_AGENTS}
    assert too_large(sizes) == {}


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
@pytest.mark.timeout(1800)
async def test_images_are_no_larger_than_they_may_be(default_system: Installed) -> None:
    sizes = {image: int(await said(default_system, image, PACKED)) / 1e6 for image in IMAGES}
    assert too_large(sizes) == {}
