"""The spec in, manifests out: what an Agent owns, but for its Secret, which is made once.

`replicas` is never here: waking and sleeping go by the scale subresource, under a field manager of their own.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from oblivion_contracts.agent_resource import SYSTEM_LABEL, Resources
from oblivion_operator.domain.agents import Agent
from oblivion_operator.domain.labels import labels, metadata, selector_labels
from oblivion_operator.domain.manifests import Manifest
from oblivion_operator.domain.network import network_policy

CLIENT_ID_KEY = "AGENT_ID"
CLIENT_SECRET_KEY = "AGENT_SECRET"  # noqa: S105 - a key's name
USER_ID = 65532
DRAIN_S = 60
"""An agent that gets SIGTERM hands its runs back; what takes longer goes on from its checkpoint elsewhere."""
SECRET_CHECKSUM = "oblivion.dev/secret-checksum"  # noqa: S105 - an annotation's name
_REQUESTS = {"cpu": "50m", "memory": "128Mi"}
_LIMITS = {"memory": "512Mi"}


@dataclass(frozen=True)
class House:
    """What all agents of this system have in common."""

    gateway_url: str
    """As pods reach it."""
    default_image: str
    image_pull_policy: str
    system_namespace: str
    """Where gateway and hub are."""
    reachable: tuple[str, ...]
    """`app.kubernetes.io/name` of the pods there that agents may always reach."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables that every agent is given."""


@dataclass(frozen=True)
class Children:
    """What is applied, in this order."""

    service_account: Manifest
    network_policy: Manifest
    deployment: Manifest

    def __iter__(self) -> Iterator[Manifest]:
        return iter((self.service_account, self.network_policy, self.deployment))


def desired_children(agent: Agent, house: House, secret: str) -> Children:
    """`secret`: its client secret; another one rolls the pods."""
    return Children(
        service_account={
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(agent),
            "automountServiceAccountToken": False,
        },
        network_policy=network_policy(agent, house.system_namespace, house.reachable),
        deployment=_deployment(agent, house, secret),
    )


def new_secret_manifest(agent: Agent, client_id: str, secret: str, system: str) -> Manifest:
    """The Secret that its pods sign in with; it says which system the Agent belongs to."""
    named = metadata(agent)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**named, "labels": {**named["labels"], SYSTEM_LABEL: system}},
        "type": "Opaque",
        "stringData": {CLIENT_ID_KEY: client_id, CLIENT_SECRET_KEY: secret},
    }


def _deployment(agent: Agent, house: House, secret: str) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(agent),
        "spec": {
            "selector": {"matchLabels": selector_labels(agent)},
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 120,
            # One that works is not taken away before another one does.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {
                    "labels": labels(agent),
                    "annotations": {SECRET_CHECKSUM: hashlib.sha256(secret.encode()).hexdigest()[:16]},
                },
                "spec": _pod(agent, house),
            },
        },
    }


def _pod(agent: Agent, house: House) -> Manifest:
    """As Pod Security "restricted" wants it.

    Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    return {
        "serviceAccountName": agent.child_name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DRAIN_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(agent, house)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}],
    }


def _container(agent: Agent, house: House) -> Manifest:
    spec = agent.spec
    return {
        "name": "agent",
        "image": spec.image or house.default_image,
        "imagePullPolicy": house.image_pull_policy,
        "env": _environment(agent, house),
        "envFrom": [{"secretRef": {"name": secret.name}} for secret in spec.secret_refs],
        "resources": _resources(spec.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - of the pod alone
    }


def _environment(agent: Agent, house: House) -> list[Manifest]:
    plain = {
        **dict(house.environment),
        "OBLIVION_URI": house.gateway_url,
        "AGENT_NAME": agent.name,
        "HOME": "/tmp",  # noqa: S108 - of the pod alone
    }
    secret = [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": agent.child_name, "key": key}}}
        for key in (CLIENT_ID_KEY, CLIENT_SECRET_KEY)
    ]
    return [{"name": name, "value": value} for name, value in plain.items()] + secret


def _resources(given: Resources) -> Manifest:
    """Defaults beside what is given, and never against it: a request must not be more than its limit."""
    requests, limits = _quantities(given.requests), _quantities(given.limits)
    return {
        "requests": {name: amount for name, amount in _REQUESTS.items() if name not in limits} | requests,
        "limits": {name: requests.get(name, amount) for name, amount in _LIMITS.items()} | limits,
    }


def _quantities(given: dict[str, int | str]) -> dict[str, str]:
    return {name: str(amount) for name, amount in given.items()}
