"""A real API server takes what the charts render: each manifest by server-side apply, without keeping it."""

import json
from typing import Any

import pytest
import yaml

from tests.e2e.cluster import UMBRELLA, CommandFailed, namespace, run

DRY = ("--server-side", "--dry-run=server")
EVERYTHING = {
    "sandbox": {"enabled": True},
    "qdrant": {"enabled": True},
    "ingestion": {"autoscaling": {"enabled": True}},
    "gateway": {"autoscaling": {"enabled": True}},
}
WHERE_THE_CLUSTER_KNOWS: dict[str, dict[str, Any]] = {
    "keda.sh/v1alpha1": {"router-worker": {"keda": {"enabled": True}}},
    "monitoring.coreos.com/v1": {"global": {"metrics": {"serviceMonitors": True}}},
}
"""Kinds that others define."""


def values() -> dict[str, Any]:
    known = run("kubectl", "api-versions").split()
    more = [each for api, each in WHERE_THE_CLUSTER_KNOWS.items() if api in known]
    return {**EVERYTHING, **{part: wish for each in more for part, wish in each.items()}}


@pytest.mark.timeout(180)
def test_every_manifest_is_admitted_without_a_warning(agent_resource: None) -> None:
    with namespace("oblivion-e2e-admission") as room:
        wish = yaml.safe_dump(values())
        version = json.loads(run("kubectl", "version", "-o", "json"))["serverVersion"]["gitVersion"]
        template = ("helm", "template", "oblivion", str(UMBRELLA), "-n", room.name, "--kube-version", version)
        rendered = run(*template, "-f", "-", stdin=wish)
        manifests = [each for each in yaml.safe_load_all(rendered) if each]
        refused: list[str] = []
        for each in manifests:
            try:
                room.kubectl("apply", "--warnings-as-errors", *DRY, "-f", "-", stdin=json.dumps(each))
            except CommandFailed as failure:
                refused.append(str(failure))
    assert len(manifests) > 30
    assert refused == []
