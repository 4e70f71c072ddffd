"""A system in a cluster: what is installed, what runs, and what the system says of itself from inside."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from oblivion_cli.adapters.kubectl import Kubectl
from oblivion_cli.console import counted
from oblivion_cli.doctor.examine import Examined
from oblivion_cli.doctor.finding import Finding, Verdict, failed, ok, skipped, warning
from oblivion_cli.errors import CommandFailed, DependencyAway, NotFound

OURS = "app.kubernetes.io/part-of=oblivion"
CRD = "agents.oblivion.dev"
CRD_VERSION = "v1alpha1"
TENANT_LABEL = "oblivion.dev/tenant"
INSIDE_WITHIN_S = 150.0

Json = dict[str, Any]


async def examine_cluster(cluster: Kubectl) -> AsyncGenerator[Examined]:
    """Every finding, in order, as soon as it is there; without a cluster only that."""
    for finding in await _explained(_reachable(cluster)):
        yield Examined("cluster", finding)
        if finding.verdict is Verdict.FAILED:
            return
    for name, check in _CHECKS.items():
        for finding in await _explained(check(cluster)):
            yield Examined(name, finding)
    async for examined in _inside(cluster):
        yield examined


async def _explained(check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await check
    except CommandFailed as failure:
        return failed(failure.sentence, failure.fix)


async def _reachable(cluster: Kubectl) -> list[Finding]:
    try:
        version = json.loads(await cluster.run("version", "-o", "json"))["serverVersion"]["gitVersion"]
    except DependencyAway:
        raise
    except (CommandFailed, KeyError) as refused:
        said = refused.sentence if isinstance(refused, CommandFailed) else ""
        return failed(
            f"The cluster of the context {cluster.context} does not answer. {said}".rstrip(),
            "`kubectl config get-contexts` lists the contexts; check that the cluster runs.",
        )
    return ok(f"Kubernetes {version} answers.")


async def _definition(cluster: Kubectl) -> list[Finding]:
    fix = "Install it: helm install oblivion-crds helm/oblivion-crds"
    try:
        crd = await cluster.one("customresourcedefinition", CRD)
    except NotFound:
        return failed(f"The CRD {CRD} is missing, so no Agent can be applied.", fix)
    served = [version["name"] for version in crd["spec"]["versions"] if version["served"]]
    if CRD_VERSION not in served:
        return failed(
            f"The CRD {CRD} serves {', '.join(served)}, not {CRD_VERSION}.",
            fix.replace("install ", "upgrade ", 1),
        )
    return ok(f"The CRD {CRD} is there.")


async def _namespace(cluster: Kubectl) -> list[Finding]:
    try:
        found = await cluster.one("namespace", cluster.namespace)
    except NotFound:
        return failed(
            f"There is no namespace {cluster.namespace}.",
            "Install Oblivion into it (docs/install/kubernetes.md), or name another by --namespace.",
        )
    tenant = found["metadata"].get("labels", {}).get(TENANT_LABEL)
    if tenant is None:
        return warning(
            f"The namespace {cluster.namespace} names no tenant, so Agents in it get no credentials.",
            f"kubectl label namespace {cluster.namespace} {TENANT_LABEL}=default",
        )
    return ok(f"Agents in {cluster.namespace} are those of the tenant {tenant}.")


async def _migrations(cluster: Kubectl) -> list[Finding]:
    jobs = [job for job in await cluster.items("jobs", OURS) if "migrations" in job["metadata"]["name"]]
    if not jobs:
        return skipped("No migration Job is left to look at; the schema is asked from inside.")
    newest = max(jobs, key=lambda job: job["metadata"]["creationTimestamp"])
    name, status = newest["metadata"]["name"], newest.get("status", {})
    if status.get("succeeded"):
        return ok("The newest migration Job is complete.")
    state = "failed" if status.get("failed") else "has not ended yet"
    return failed(
        f"Migrations are behind: the Job {name} {state}, and services wait for it unready.",
        f"kubectl -n {cluster.namespace} logs job/{name}; it goes on by itself once Postgres answers.",
    )


async def _workloads(cluster: Kubectl) -> list[Finding]:
    found = await cluster.items("deployments,statefulsets", OURS)
    if not found:
        return failed(
            f"Nothing of Oblivion is installed in {cluster.namespace}.",
            "helm install --wait oblivion helm/oblivion, or name another namespace by --namespace.",
        )
    pods = await cluster.items("pods", OURS)
    behind = [each for each in found if not _is_ready(each)]
    findings = [each for workload in behind for each in _complaint(cluster, workload, pods)]
    return findings or ok(f"{counted(len(found), 'workload')}, all ready.")


def _is_ready(workload: Json) -> bool:
    wanted = workload["spec"].get("replicas", 1)
    return int(workload.get("status", {}).get("readyReplicas", 0)) >= wanted


def _complaint(cluster: Kubectl, workload: Json, pods: list[Json]) -> list[Finding]:
    name = workload["metadata"]["name"]
    labels = workload["spec"]["selector"]["matchLabels"].items()
    own = [pod for pod in pods if labels <= pod["metadata"].get("labels", {}).items()]
    reasons = sorted({reason for pod in own for reason in _reasons(pod)}) or ["no pod of it was admitted"]
    return failed(
        f"{name} is not ready: {'; '.join(reasons)}.",
        f"kubectl -n {cluster.namespace} describe pods -l app.kubernetes.io/name="
        f"{workload['metadata']['labels'].get('app.kubernetes.io/name', name)}",
    )


def _reasons(pod: Json) -> list[str]:
    status = pod.get("status", {})
    waiting = [
        each["state"]["waiting"].get("reason", "waiting")
        for each in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", []))
        if "waiting" in each.get("state", {})
    ]
    unmet = [
        condition.get("message") or condition.get("reason") or condition["type"]
        for condition in status.get("conditions", [])
        if condition["status"] == "False" and condition["type"] in ("PodScheduled", "ContainersReady")
    ]
    return waiting or unmet


async def _agents(cluster: Kubectl) -> list[Finding]:
    try:
        found = await cluster.items(CRD)
    except NotFound:
        return skipped("Agents cannot be listed without their CRD.")
    findings: list[Finding] = []
    for agent in found:
        for condition in agent.get("status", {}).get("conditions", []):
            if condition["type"] == "Ready" and condition["status"] == "False":
                name = agent["metadata"]["name"]
                findings += warning(
                    f"The Agent {name} is not ready: {condition.get('message', condition.get('reason', ''))}",
                    f"kubectl -n {cluster.namespace} describe agent {name}",
                )
    return findings or ok(f"{counted(len(found), 'Agent')}, none with a complaint.")


async def _inside(cluster: Kubectl) -> AsyncGenerator[Examined]:
    """The same doctor beside the services, with their settings and their way out."""
    command = ("exec", "deploy/oblivion-cli", "--", "oblivion", "doctor", "--json")
    try:
        _, output, errors = await cluster.tried(*command, within_s=INSIDE_WITHIN_S)
    except DependencyAway as away:
        yield Examined("inside", failed(away.sentence, away.fix)[0])
        return
    try:
        findings = json.loads(output)["findings"]
    except (ValueError, KeyError):
        yield Examined("inside", _not_inside(cluster, errors)[0])
        return
    for each in findings:
        if each["check"] not in _OF_A_MACHINE:
            yield Examined(each["check"], Finding(Verdict(each["verdict"]), each["sentence"], each["fix"]))


def _not_inside(cluster: Kubectl, errors: str) -> list[Finding]:
    return failed(
        f"The system cannot be asked from inside: {' '.join(errors.split())[-300:]}.",
        f"The pod of deploy/oblivion-cli has to run: kubectl -n {cluster.namespace} get pods",
    )


_CHECKS: dict[str, Callable[[Kubectl], Awaitable[list[Finding]]]] = {
    "crd": _definition,
    "namespace": _namespace,
    "migrations": _migrations,
    "workloads": _workloads,
    "agents": _agents,
}
_OF_A_MACHINE = frozenset({"python", "home", "running", "port", "keys"})
"""Checks that say nothing of a pod."""
