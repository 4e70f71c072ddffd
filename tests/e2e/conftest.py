"""Fixtures: a cluster, and systems installed on it."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import ROOT, SANDBOX, Installed, namespace, run


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """Skip, with the reason, where there is no cluster to try."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster: make e2e runs on the one that it names")
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    asked = subprocess.run(
        ["kubectl", "get", "--raw", "/readyz"], capture_output=True, timeout=30, check=False
    )
    if asked.returncode != 0:
        pytest.skip("the cluster that KUBECONFIG names does not answer")


@pytest.fixture(scope="session")
def agent_resource() -> Iterator[None]:
    """The Agent resource, which one chart brings to a whole cluster; left alone where it is already."""
    name = "customresourcedefinition.apiextensions.k8s.io/agents.oblivion.dev"
    if name in run("kubectl", "get", "crd", "-o", "name").split():
        yield
        return
    run("helm", "install", "oblivion-crds", str(ROOT / "helm" / "oblivion-crds"), "-n", "default")
    run("kubectl", "wait", "--for=condition=Established", name, "--timeout=30s")
    yield
    run("helm", "uninstall", "oblivion-crds", "-n", "default", "--wait")
    # Uninstalling keeps it: Agents of other releases would go with it.
    run("kubectl", "delete", name, "--timeout=60s")


@pytest.fixture(scope="session")
def default_system(agent_resource: None) -> Iterator[Installed]:
    """Installed with default values and the sandbox; shared, so tests leave what they find."""
    with namespace("oblivion-e2e") as room:
        system = Installed(room)
        system.install(SANDBOX)
        yield system


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker("e2e")
