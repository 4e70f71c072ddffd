"""Writes what follows from other files: path table, squad, values.schema.json and README of each chart.

    python helm/generate.py            writes them
    python helm/generate.py --check    exits with 1 when one is stale

A schema follows from the defaults in values.yaml: the same keys, no others, each of its default's type. What
values.yaml cannot say (patterns, choices, bounds) stands in RULES.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from oblivion_platform.paths import PATHS

ROOT = Path(__file__).parent.parent
CHARTS = sorted(
    file.parent
    for file in [*ROOT.glob("helm/*/values.yaml"), *ROOT.glob("infra/*/values.yaml")]
    if (file.parent / "Chart.yaml").exists()
)
UMBRELLA = ROOT / "helm" / "oblivion"
SQUAD = ROOT / "libs" / "platform" / "src" / "oblivion_platform" / "squad"
PATHS_FILE = ROOT / "helm" / "lib" / "templates" / "_paths.tpl"

Json = dict[str, Any]

PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
WHOLE = {"type": "integer", "minimum": 1}
COUNT = {"type": "integer", "minimum": 0}
NAME = {"type": "string", "pattern": r"^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$"}
URL_OR_NOTHING = {"type": "string", "pattern": r"^(https?://.+)?$"}
VARIABLES = {
    "type": "object",
    "propertyNames": {"pattern": r"^[A-Z][A-Z0-9_]*$"},
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
RULES: Json = {
    "global.system": NAME,
    "global.imagePullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "global.logLevel": {"enum": ["debug", "info", "warning", "error"]},
    "global.publicUrl": {"type": "string", "pattern": r"^https?://[^/]+/?$"},
    "global.otlpEndpoint": URL_OR_NOTHING,
    "global.qdrant.url": URL_OR_NOTHING,
    "global.model.baseUrl": URL_OR_NOTHING,
    "global.database.port": PORT,
    "global.redis.port": PORT,
    "replicas": COUNT,
    "drainSeconds": WHOLE,
    "settings": VARIABLES,
    "image.digest": {"type": "string", "pattern": r"^(sha256:[0-9a-f]{64})?$"},
    "autoscaling.minReplicas": WHOLE,
    "autoscaling.maxReplicas": WHOLE,
    "autoscaling.cpuPercent": {"type": "integer", "minimum": 1, "maximum": 100},
    "keda.minReplicas": COUNT,
    "keda.maxReplicas": WHOLE,
    "keda.jobsPerReplica": WHOLE,
}
RULES["stdioServers"] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string"},
            "image": {"type": "string"},
            "command": {"type": "array", "items": {"type": "string"}},
            "env": VARIABLES,
            "existingSecret": {"type": "string"},
            "secretKeys": {"type": "array", "items": {"type": "string"}},
            "internet": {"type": "boolean"},
            "resources": {"type": "object"},
        },
    },
}
FREE = {"resources", "lib", "exports"}
"""Maps whose keys are not ours to list."""


def schema_of(values: Json, path: str = "") -> Json:
    """The schema of a map of defaults."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _property(value, f"{path}{key}") for key, value in values.items()},
    }


def _property(value: Any, path: str) -> Json:
    if path in RULES:
        return RULES[path]
    if path.rpartition(".")[2] in FREE:
        return {"type": "object"}
    if isinstance(value, dict):
        return schema_of(value, f"{path}.") if value else {"type": "object"}
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array"}
    return {"type": kinds[type(value)]}


def shares(chart: Path) -> bool:
    """Whether it is built on the library chart."""
    parts = yaml.safe_load((chart / "Chart.yaml").read_text()).get("dependencies", [])
    return any(part["name"] == "lib" for part in parts)


def chart_schema(chart: Path) -> str:
    """A chart's whole schema; `global` is checked by the library chart, subcharts by their own."""
    values = yaml.safe_load((chart / "values.yaml").read_text())
    schema: Json = {"$schema": "http://json-schema.org/draft-07/schema#", **schema_of(values)}
    schema["properties"]["global"] = schema["properties"].get("global", {"type": "object"})
    if shares(chart):
        schema["properties"]["lib"] = {"type": "object"}
    if chart == UMBRELLA:
        parts = yaml.safe_load((chart / "Chart.yaml").read_text())["dependencies"]
        schema["properties"] |= {part["name"]: {"type": "object"} for part in parts}
    return json.dumps(schema, indent=2) + "\n"


def readme(chart: Path) -> str:
    """What the chart is, and its values with the comments that stand above them."""
    facts = yaml.safe_load((chart / "Chart.yaml").read_text())
    rows = "".join(
        f"| `{path}` | `{default}` | {meaning} |\n" for path, default, meaning in documented(chart)
    )
    table = f"| value | default | meaning |\n|---|---|---|\n{rows}" if rows else "There is nothing to set.\n"
    shared = (
        "\nWhat all charts share stands under `global`: [helm/lib](/helm/lib/README.md).\n"
        if shares(chart)
        else ""
    )
    return (
        f"# {facts['name']}\n\n{facts['description']}\n\n{table}{shared}"
        "\nThis page is made from values.yaml by `make charts`.\n"
    )


def documented(chart: Path) -> list[tuple[str, str, str]]:
    """Path, default and meaning of each value with a `# --` comment, in their order."""
    values = yaml.safe_load((chart / "values.yaml").read_text())
    found: list[tuple[str, str, str]] = []
    above: list[str] = []
    meaning = ""
    for line in (chart / "values.yaml").read_text().splitlines():
        text = line.strip()
        if text.startswith("# -- "):
            meaning = text.removeprefix("# -- ")
        elif text and not text.startswith("#"):
            depth = (len(line) - len(line.lstrip())) // 2
            above = [*above[:depth], text.split(":")[0]]
            if meaning:
                found.append((".".join(above), _default(values, above), meaning.replace("|", "\\|")))
            meaning = ""
    return found


def _default(values: Json, path: list[str]) -> str:
    for key in path:
        values = values[key]
    return json.dumps(values, ensure_ascii=False)


def path_table() -> str:
    """The one table of oblivion_platform.paths, for Ingress and HTTPRoute."""
    table: dict[str, list[str]] = {}
    for rule in PATHS:
        table.setdefault(rule.service, []).append(rule.prefix)
    lines = "".join(f"{service}: {json.dumps(prefixes)}\n" for service, prefixes in table.items())
    return (
        "{{- /* From oblivion_platform.paths, by `make charts`. */ -}}\n"
        f'{{{{- define "oblivion.paths" -}}}}\n{lines}{{{{- end -}}}}\n'
    )


def wanted() -> dict[Path, str]:
    """Every generated file and what belongs into it."""
    files = {PATHS_FILE: path_table()}
    for agent in SQUAD.glob("*.yaml"):
        files[ROOT / "helm" / "squad" / "agents" / agent.name] = agent.read_text()
    for chart in CHARTS:
        files[chart / "values.schema.json"] = chart_schema(chart)
        files[chart / "README.md"] = readme(chart)
    return files


def main() -> int:
    stale = [file for file, text in wanted().items() if not file.exists() or file.read_text() != text]
    for file in stale:
        if "--check" in sys.argv:
            print(f"{file.relative_to(ROOT)} is stale: run make charts and commit it")
        else:
            file.write_text(wanted()[file])
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
