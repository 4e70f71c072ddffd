"""What is left when the release goes: the keys, the passwords and the data of Postgres."""

import asyncio
import time

import pytest

from tests.e2e.cluster import SANDBOX, Installed, Namespace, namespace, run

NO_THINGS = {"events", "events.events.k8s.io", "pods.metrics.k8s.io"}
"""What is listed in a namespace, but is no part of a system."""
OF_THE_NAMESPACE = {"default", "kube-root-ca.crt"}
PROMISED = {
    "Secret/oblivion-keys",
    "Secret/oblivion-database",
    "Secret/oblivion-squad",
    "Secret/oblivion-squad-environment",
    "PersistentVolumeClaim/data-oblivion-postgres-0",
}
GONE_WITHIN_S = 90.0
POLL_S = 1.0


@pytest.mark.timeout(600)
async def test_uninstalling_leaves_what_it_promises_to_keep_and_nothing_else(agent_resource: None) -> None:
    with namespace("oblivion-e2e-uninstall") as room:
        system = Installed(room)
        system.install(SANDBOX)
        await system.wait_for_job("connect")
        system.uninstall()
        deadline = time.monotonic() + GONE_WITHIN_S
        while (left := left_in(room)) != PROMISED and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        of_the_cluster = run("kubectl", "get", "clusterroles,clusterrolebindings", "-o", "name")
    assert left == PROMISED
    assert room.name not in of_the_cluster


def left_in(room: Namespace) -> set[str]:
    """What is still there; pods take their grace to go."""
    kinds = set(run("kubectl", "api-resources", "--namespaced", "--verbs=list", "-o", "name").split())
    return {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in room.objects(",".join(sorted(kinds - NO_THINGS)))
        if each["metadata"]["name"] not in OF_THE_NAMESPACE
    }
