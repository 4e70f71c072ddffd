"""What Deployment and pods say of themselves → one reason and one sentence that a person can act on."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from oblivion_contracts.agent_resource import Phase
from oblivion_operator.domain.agents import Agent
from oblivion_operator.domain.manifests import Body, items, part

SETTLED = timedelta(seconds=30)
"""A container that was restarted counts as crashing until it has run so long."""
_IMAGE_REASONS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "RegistryUnavailable",
)
_SAID_MAX = 300


@dataclass(frozen=True)
class Rollout:
    """How the pods are."""

    phase: Phase
    reason: str
    message: str

    @property
    def is_ready(self) -> bool:
        return self.phase in {"Running", "Asleep"}


def judge(agent: Agent, deployment: Body | None, pods: Sequence[Body], now: datetime) -> Rollout:
    """Ready is true only by the rollout's own word."""
    if deployment is None:
        return Rollout("Pending", "NotCreated", "Its Deployment is about to be created.")
    trouble = next(_troubles(agent, deployment, pods, now), None)
    if trouble is not None:
        return Rollout("Failing", *trouble)
    return _progress(deployment)


def _progress(deployment: Body) -> Rollout:
    wanted = deployment["spec"].get("replicas", 1)
    status = part(deployment, "status")
    is_seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    if not is_seen:
        return Rollout("Starting", "RollingOut", "The edit is being rolled out.")
    running = status.get("replicas", 0)
    if wanted == 0:
        if running:
            return Rollout("Asleep", "FallingAsleep", "Its pod hands back what it has and stops.")
        return Rollout("Asleep", "Asleep", "No pod runs; the first run wakes it.")
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted or available < wanted or running > updated:
        done = min(updated, available)
        return Rollout("Starting", "RollingOut", f"{done} of {wanted} pods of this edit are up.")
    return Rollout("Running", "RolledOut", f"{available} of {wanted} pods are up.")


def _troubles(
    agent: Agent, deployment: Body, pods: Sequence[Body], now: datetime
) -> Iterator[tuple[str, str]]:
    for pod in sorted(pods, key=lambda one: one["metadata"].get("creationTimestamp", ""), reverse=True):
        if "deletionTimestamp" not in pod["metadata"]:
            yield from _pod_troubles(agent, pod, now)
    for condition in items(deployment, "status", "conditions"):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield "PodsRefused", f"The cluster refuses its pods: {_said(condition)}"


def _pod_troubles(agent: Agent, pod: Body, now: datetime) -> Iterator[tuple[str, str]]:
    for condition in items(pod, "status", "conditions"):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield "Unschedulable", f"No node takes its pod: {_said(condition)}"
    for container in items(pod, "status", "containerStatuses"):
        yield from _container_troubles(agent, container, now)


def _container_troubles(agent: Agent, container: Body, now: datetime) -> Iterator[tuple[str, str]]:
    waiting = part(container, "state", "waiting")
    reason = waiting.get("reason", "")
    image = container.get("image") or agent.spec.image or "the image"
    if reason in _IMAGE_REASONS:
        yield (
            "ImageMissing",
            f"The image {image} cannot be pulled: {_said(waiting)} Mend spec.image, or give the node access "
            "to it.",
        )
    elif reason == "CreateContainerConfigError":
        yield "CannotStart", f"Its container cannot be made: {_said(waiting)}"
    elif reason in {"CreateContainerError", "RunContainerError"}:
        yield "CannotStart", f"Its container does not start: {_said(waiting)}"
    elif _is_crashing(container, now):
        last = part(container, "lastState", "terminated") or part(container, "state", "terminated")
        yield (
            "Crashing",
            f"It ends with exit code {last.get('exitCode', '?')} ({last.get('reason', 'Error')}) and was "
            f"restarted {container.get('restartCount', 0)} times. Its log says why: "
            f"kubectl logs -n {agent.ref.namespace} deploy/{agent.child_name}",
        )


def _is_crashing(container: Body, now: datetime) -> bool:
    state = part(container, "state")
    if part(state, "waiting").get("reason") == "CrashLoopBackOff" or "terminated" in state:
        return True
    started: str | None = part(state, "running").get("startedAt")
    if not container.get("restartCount") or not started:
        return False
    return now - datetime.fromisoformat(started) < SETTLED


def _said(words: Body) -> str:
    """Kubernetes' own words, short and without the pod's name, which changes with every try."""
    said = re.sub(r'pods? "[^"]*"', "the pod", " ".join(str(words.get("message", "")).split()))
    return said[:_SAID_MAX] or str(words.get("reason", "no reason given"))
