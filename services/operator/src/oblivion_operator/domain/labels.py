"""Names that mark what the operator owns."""

from uuid import UUID

from oblivion_contracts.agent_resource import GROUP, KIND, VERSION
from oblivion_operator.domain.agents import Agent, Ref
from oblivion_operator.domain.manifests import Body, Manifest, items, part

FIELD_MANAGER = "oblivion-operator"
SCALER = "oblivion-operator-scale"
"""Owns `replicas` alone, so that applying the rest never touches it."""
AGENT_LABEL = f"{GROUP}/agent"
MANAGED_BY = "app.kubernetes.io/managed-by"
SELECTOR = f"{MANAGED_BY}={FIELD_MANAGER}"
"""Every object of ours, and no other."""


def selector_labels(agent: Agent) -> dict[str, str]:
    return {MANAGED_BY: FIELD_MANAGER, AGENT_LABEL: agent.name}


def labels(agent: Agent) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "agent",
        "app.kubernetes.io/instance": agent.name,
        "app.kubernetes.io/part-of": "oblivion",
        **selector_labels(agent),
    }


def metadata(agent: Agent) -> Manifest:
    """Of a child: Kubernetes collects it when the Agent is gone."""
    return {
        "name": agent.child_name,
        "namespace": agent.ref.namespace,
        "labels": labels(agent),
        "ownerReferences": [
            {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": KIND,
                "name": agent.name,
                "uid": str(agent.uid),
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def owner_of(body: Body) -> UUID | None:
    """The uid of the Agent that controls the object."""
    for owner in items(body, "metadata", "ownerReferences"):
        if owner.get("controller") and owner["kind"] == KIND and owner["apiVersion"].startswith(f"{GROUP}/"):
            return UUID(owner["uid"])
    return None


def agent_of(body: Body) -> Ref | None:
    """The Agent that the object says it belongs to."""
    name = part(body, "metadata", "labels").get(AGENT_LABEL)
    return Ref(body["metadata"]["namespace"], name) if name else None
