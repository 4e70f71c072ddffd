"""Every rendered manifest against Kubernetes' own schemas, of the oldest version that we take, and newer."""

from typing import Any

import kubernetes_validate
import pytest

from tests.charts.conftest import Json, Render

OF_OTHERS = {
    "Agent": "oblivion.dev",
    "HTTPRoute": "gateway.networking.k8s.io",
    "PrometheusRule": "monitoring.coreos.com",
    "ScaledObject": "keda.sh",
    "ServiceMonitor": "monitoring.coreos.com",
}
"""Kinds that come with a definition of their own, which the API server checks where it is."""
EVERYTHING: dict[str, Any] = {
    "sandbox": {"enabled": True},
    "qdrant": {"enabled": True},
    "gateway": {"autoscaling": {"enabled": True}},
    "router-worker": {"keda": {"enabled": True}},
    "global": {"httpRoute": {"enabled": True, "gatewayName": "front"}, "metrics": {"serviceMonitors": True}},
}
ONE_POD = {"sandbox": {"enabled": True}, "operator": {"enabled": False}}


@pytest.mark.parametrize("version", ["1.31", "1.34"])
@pytest.mark.parametrize(
    ("chart", "values"),
    [
        ("helm/oblivion", {}),
        ("helm/oblivion", EVERYTHING),
        ("helm/oblivion", ONE_POD),
        ("helm/oblivion-crds", {}),
        ("infra/monitoring", {}),
    ],
    ids=["defaults", "everything", "squad in one pod", "crds", "monitoring"],
)
def test_every_manifest_is_as_kubernetes_wants_it(
    render: Render, chart: str, values: Json, version: str
) -> None:
    manifests = [each for each in render(chart, values) if not is_of_others(each)]
    for each in manifests:
        kubernetes_validate.validate(each, version, strict=True)
    assert manifests


def is_of_others(manifest: Json) -> bool:
    group = OF_OTHERS.get(manifest["kind"])
    return group is not None and manifest["apiVersion"].startswith(f"{group}/")
