"""The doctor of a cluster, asked through a kubectl that answers from a file: each fault has its sentence."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from oblivion_cli.adapters.kubectl import Kubectl
from oblivion_cli.app import make_app
from oblivion_cli.doctor.cluster import CRD, examine_cluster
from oblivion_cli.doctor.finding import Verdict

Json = dict[str, Any]
OURS = {"app.kubernetes.io/part-of": "oblivion"}
KUBECTL = """#!{python}
import json, sys
context, namespace, command, *rest = sys.argv[2], sys.argv[4], sys.argv[5], *sys.argv[6:]
objects = json.load(open({state!r}))
name = " ".join([command, *rest[:2]])
answer = next((objects[key] for key in objects if name.startswith(key)), None)
if answer is None:
    sys.exit(f"Error from server (NotFound): {{name}} not found")
if isinstance(answer, str):
    sys.exit(answer)
print(json.dumps(answer))
"""


def workload(name: str, *, ready: int = 1) -> Json:
    labels = {**OURS, "app.kubernetes.io/name": name}
    return {
        "metadata": {"name": f"oblivion-{name}", "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": name}}},
        "status": {"readyReplicas": ready},
    }


def pod(name: str, **status: Any) -> Json:
    return {"metadata": {"name": f"{name}-x", "labels": {"app.kubernetes.io/name": name}}, "status": status}


def migration(made: str, **status: int) -> Json:
    return {"metadata": {"name": f"oblivion-migrations-{made}", "creationTimestamp": made}, "status": status}


def well() -> Json:
    """What kubectl answers of a system that is well."""
    inside = [
        {"check": "python", "verdict": "ok", "sentence": "Python 3.11.2.", "fix": ""},
        {
            "check": "schema",
            "verdict": "ok",
            "sentence": "The database schema is the one we need.",
            "fix": "",
        },
    ]
    return {
        "version": {"serverVersion": {"gitVersion": "v1.34.1"}},
        f"get customresourcedefinition {CRD}": {"spec": {"versions": [{"name": "v1alpha1", "served": True}]}},
        "get namespace oblivion": {"metadata": {"labels": {"oblivion.dev/tenant": "default"}}},
        "get jobs": {"items": [migration("2026-01-01", failed=1), migration("2026-01-02", succeeded=1)]},
        "get deployments,statefulsets": {"items": [workload("gateway"), workload("postgres")]},
        "get pods": {"items": [pod("gateway"), pod("postgres")]},
        f"get {CRD}": {"items": []},
        "exec": {"healthy": True, "findings": inside},
    }


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a kubectl on the PATH that answers what is said."""
    state, command = tmp_path / "state.json", tmp_path / "kubectl"
    command.write_text(KUBECTL.format(python=sys.executable, state=str(state)))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def answer(**changes: Any) -> None:
        state.write_text(json.dumps({**well(), **changes}))

    return answer


async def complaints() -> list[str]:
    found = [each.finding async for each in examine_cluster(Kubectl("kind-oblivion", "oblivion"))]
    bad = [each for each in found if each.verdict in (Verdict.FAILED, Verdict.WARNING)]
    assert all(each.fix for each in bad)
    return [each.sentence for each in bad]


async def test_a_well_system_has_no_complaint_and_is_asked_from_inside_too(say):
    say()
    found = [each async for each in examine_cluster(Kubectl("kind-oblivion", "oblivion"))]
    assert {each.finding.verdict for each in found} == {Verdict.OK}
    assert [each.check for each in found] == [
        "cluster", "crd", "namespace", "migrations", "workloads", "agents", "schema",
    ]  # fmt: skip


async def test_a_missing_crd_is_told(say):
    say(**{f"get customresourcedefinition {CRD}": None})
    assert await complaints() == [f"The CRD {CRD} is missing, so no Agent can be applied."]


async def test_a_crd_of_another_version_is_told(say):
    say(**{f"get customresourcedefinition {CRD}": {"spec": {"versions": [{"name": "v1", "served": True}]}}})
    assert await complaints() == [f"The CRD {CRD} serves v1, not v1alpha1."]


@pytest.mark.parametrize(("status", "words"), [({"failed": 2}, "failed"), ({}, "has not ended yet")])
async def test_migrations_that_are_behind_are_told(say, status, words):
    say(**{"get jobs": {"items": [migration("2026-01-03", **status), migration("2026-01-02", succeeded=1)]}})
    (complaint,) = await complaints()
    assert complaint.startswith("Migrations are behind: the Job oblivion-migrations-2026-01-03 " + words)


async def test_no_way_out_of_the_cluster_is_told_by_the_doctor_inside(say):
    sentence = "slack.com does not answer. This machine may have no way out to it."
    inside = [{"check": "slack", "verdict": "failed", "sentence": sentence, "fix": "Allow egress."}]
    say(exec={"healthy": False, "findings": inside})
    assert await complaints() == [sentence]


async def test_a_workload_that_is_not_ready_says_why(say):
    pulling = {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}
    unplaced = {
        "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: no memory"}]
    }
    say(
        **{
            "get deployments,statefulsets": {
                "items": [workload(name, ready=0) for name in ("gateway", "postgres", "squad")]
            },
            "get pods": {"items": [pod("gateway", **pulling), pod("postgres", **unplaced)]},
        }
    )
    assert await complaints() == [
        "oblivion-gateway is not ready: ImagePullBackOff.",
        "oblivion-postgres is not ready: 0/1 nodes: no memory.",
        "oblivion-squad is not ready: no pod of it was admitted.",
    ]


async def test_a_namespace_without_tenant_and_an_agent_with_a_complaint_are_told(say):
    unready = {"type": "Ready", "status": "False", "message": "The Secret github is missing."}
    say(
        **{
            "get namespace oblivion": {"metadata": {}},
            f"get {CRD}": {"items": [{"metadata": {"name": "fixer"}, "status": {"conditions": [unready]}}]},
        }
    )
    assert await complaints() == [
        "The namespace oblivion names no tenant, so Agents in it get no credentials.",
        "The Agent fixer is not ready: The Secret github is missing.",
    ]


async def test_an_empty_namespace_and_no_pod_to_ask_are_told(say):
    say(
        **{"get deployments,statefulsets": {"items": []}, "exec": 'deployments.apps "oblivion-cli" not found'}
    )
    nothing, inside = await complaints()
    assert nothing == "Nothing of Oblivion is installed in oblivion."
    assert inside.startswith("The system cannot be asked from inside")


def test_a_context_that_is_none_ends_the_examination_with_its_sentence(say):
    say(version="error: context was not found for specified context: nowhere")
    done = CliRunner().invoke(make_app(["doctor"]), ["doctor", "--context", "nowhere", "--json"])
    (finding,) = json.loads(done.stdout)["findings"]
    assert (done.exit_code, finding["verdict"]) == (1, "failed")
    assert "nowhere does not answer" in finding["sentence"]


def test_without_kubectl_it_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(make_app(["doctor"]), ["doctor", "--context", "kind-oblivion"])
    assert done.exit_code == 1
    assert "kubectl is not on the PATH" in done.stdout
