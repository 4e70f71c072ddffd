"""`oblivion doctor --context`: what is broken in a real cluster is named, and no longer once it is mended."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import pytest

from oblivion_platform.testing import eventually
from tests.e2e.cluster import Installed, Json, run
from tests.e2e.test_agents import SCOUT

pytestmark = pytest.mark.long

EXAMINED_WITHIN_S = 180.0
TOLD_WITHIN_S = 300.0
"""The first looks may be before the cluster has said so itself."""
SLACK = "svc/oblivion-sandbox"


def complaints(namespace: str) -> tuple[int, list[str]]:
    """Exit code of the doctor, and what it says is wrong."""
    context = run("kubectl", "config", "current-context").strip()
    command = [sys.executable, "-m", "oblivion_cli", "doctor", "--context", context, "--namespace", namespace]
    done = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, timeout=EXAMINED_WITHIN_S, check=False
    )
    findings = json.loads(done.stdout)["findings"]
    return done.returncode, [
        each["sentence"] for each in findings if each["verdict"] in ("failed", "warning")
    ]


@contextmanager
def applied(system: Installed, manifest: Json) -> Generator[None]:
    system.namespace.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    try:
        yield
    finally:
        system.namespace.kubectl("delete", "-f", "-", stdin=json.dumps(manifest))


@contextmanager
def schema_of_yesterday(system: Installed) -> Generator[None]:
    """As before the migrations of an upgrade."""

    def stored(wish: str) -> str:
        client = ("psql", "-U", "postgres", "-d", "oblivion_db", "-qtAc", wish)
        return system.namespace.kubectl("exec", "oblivion-postgres-0", "--", *client).strip()

    newest = stored("SELECT version_num FROM alembic_version")
    stored("UPDATE alembic_version SET version_num = '0001'")
    try:
        yield
    finally:
        stored(f"UPDATE alembic_version SET version_num = '{newest}'")


@contextmanager
def no_way_to_slack(system: Installed) -> Generator[None]:
    """Its Service leads to no pod."""

    def lead_to(name: str) -> None:
        selector = {"spec": {"selector": {"app.kubernetes.io/name": name}}}
        system.namespace.kubectl("patch", SLACK, "--type=merge", "-p", json.dumps(selector))

    lead_to("nobody")
    try:
        yield
    finally:
        lead_to("sandbox")


def straggler() -> Json:
    """A part of the system whose image no node can have."""
    labels = {"app.kubernetes.io/name": "straggler", "app.kubernetes.io/part-of": "oblivion"}
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    image = "localhost/nobody-has-this:1"
    pod = {
        "containers": [{"name": "straggler", "image": image, "securityContext": security}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "oblivion-straggler", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def unarmed() -> Json:
    """An Agent whose Secret nobody has made."""
    spec = {**SCOUT["spec"], "aliases": ["@unarmed"], "secretRefs": [{"name": "nobody-made-this"}]}
    return {**SCOUT, "metadata": {"name": "unarmed"}, "spec": spec}


BREAKAGES: dict[str, Callable[[Installed], AbstractContextManager[None]]] = {
    "oblivion-straggler is not ready: ": lambda system: applied(system, straggler()),
    "The Agent unarmed is not ready: spec.secretRefs names what is not in the namespace": lambda system: (
        applied(system, unarmed())
    ),
    "Migrations are behind: the ": schema_of_yesterday,
    "This machine may have no way out to it.": no_way_to_slack,
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("words", sorted(BREAKAGES))
async def test_what_is_broken_is_named_until_it_is_mended(default_system: Installed, words: str) -> None:
    await default_system.wait_for_job("connect")
    place = default_system.namespace.name

    async def is_named() -> None:
        code, told = await asyncio.to_thread(complaints, place)
        assert [each for each in told if words in each], told
        assert code == (0 if "Agent" in words else 1)

    async def is_well() -> None:
        code, told = await asyncio.to_thread(complaints, place)
        assert [each for each in told if words in each] == []
        assert code == 0, told

    with BREAKAGES[words](default_system):
        await eventually(is_named, within_s=TOLD_WITHIN_S)
    await eventually(is_well, within_s=TOLD_WITHIN_S)


@pytest.mark.timeout(300)
def test_a_namespace_without_a_system_is_told_apart(default_system: Installed) -> None:
    code, told = complaints("kube-public")
    assert code == 1
    assert "Nothing of Oblivion is installed in kube-public." in told
