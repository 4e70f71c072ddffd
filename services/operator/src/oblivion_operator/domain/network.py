"""What an agent's pods reach: DNS, gateway and hub always, the rest as the spec says. Nobody reaches them."""

from collections.abc import Sequence

from oblivion_operator.domain.agents import Agent
from oblivion_operator.domain.labels import metadata, selector_labels
from oblivion_operator.domain.manifests import Manifest

PRIVATE_V4 = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
PRIVATE_V6 = ["fc00::/7", "fe80::/10"]
"""The cluster's own addresses and the cloud's metadata service are no internet."""
NODE_LOCAL_DNS = "169.254.20.10/32"


def network_policy(agent: Agent, system_namespace: str, reachable: Sequence[str]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(agent),
        "spec": {
            "podSelector": {"matchLabels": selector_labels(agent)},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [_dns(), _system(system_namespace, reachable), *map(_rule, _outside(agent))],
        },
    }


def _outside(agent: Agent) -> list[str]:
    return [way for way in agent.spec.egress if way != "none"]


def _dns() -> Manifest:
    return {
        "to": [
            {"namespaceSelector": {"matchLabels": _namespace("kube-system")}},
            {"ipBlock": {"cidr": NODE_LOCAL_DNS}},
        ],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    }


def _system(namespace: str, reachable: Sequence[str]) -> Manifest:
    names = {"key": "app.kubernetes.io/name", "operator": "In", "values": list(reachable)}
    return {
        "to": [
            {
                "namespaceSelector": {"matchLabels": _namespace(namespace)},
                "podSelector": {"matchExpressions": [names]},
            }
        ]
    }


def _rule(way: str) -> Manifest:
    if way == "internet":
        return {
            "to": [
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_V4}},
                {"ipBlock": {"cidr": "::/0", "except": PRIVATE_V6}},
            ]
        }
    cidr, _, port = way.rpartition(":")
    return {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": int(port), "protocol": "TCP"}]}


def _namespace(name: str) -> dict[str, str]:
    return {"kubernetes.io/metadata.name": name}
