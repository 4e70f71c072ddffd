"""Keeps what was measured on a cluster in build/cluster.json, each beside its goal."""

import json

from tests.e2e.cluster import ROOT, CommandFailed, Installed

REPORT = ROOT / "build" / "cluster.json"


def measured(what: str, value: float, unit: str, goal: float) -> None:
    """Note it down, over what was noted of it before."""
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    known[what] = {"value": round(value, 1), "unit": unit, "goal": goal, "met": value <= goal}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(known, indent=2) + "\n")
    print(f"{what}: {value:.1f} {unit}, goal {goal:g}")


def memory_mib(system: Installed) -> dict[str, float] | None:
    """Working set of each chart's largest pod, of those that were measured; None without metrics-server.

    Raises:
        CommandFailed: a pod of it cannot be listed.
    """
    try:
        said = system.namespace.kubectl("top", "pods", "--no-headers")
    except CommandFailed as failure:
        if "Metrics API not available" in str(failure):
            return None
        raise
    charts = {
        pod["metadata"]["name"]: pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in system.pods()
    }
    rows = [line.split() for line in said.splitlines()]
    used: dict[str, float] = {}
    for name, _, memory in (row[:3] for row in rows if row[0] in charts):
        used[charts[name]] = max(used.get(charts[name], 0.0), float(memory.removesuffix("Mi")))
    return used
