"""Writes the custom resource definition of Agent from the contract's classes.

    python -m oblivion_operator.crd [--check] [FILE]

The API server takes *structural* schemas only: no references, no `null`, no `additionalProperties` beside
`properties`. Source:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
With --check nothing is written; exit 1 when the file is not what would be written.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, cast

import yaml

from oblivion_contracts.agent_resource import GROUP, KIND, PLURAL, VERSION, AgentSpec, AgentStatus
from oblivion_contracts.identifiers import AGENT_NAME_PATTERN

FILE = Path("helm/oblivion-crds/templates/agents.yaml")
HEADER = (
    "# Generated from oblivion_contracts.agent_resource by `make schemas`; a check fails when it differs.\n"
)

Schema = dict[str, Any]

_COLUMNS = (
    ("Phase", "string", ".status.phase", 0),
    ("Online", "integer", ".status.online", 0),
    ("Runs", "integer", ".status.runs", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Image", "string", ".spec.image", 1),
    ("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', 1),
    ("Message", "string", '.status.conditions[?(@.type=="Ready")].message', 1),
)


def definition() -> Schema:
    """The CustomResourceDefinition as Kubernetes takes it."""
    columns = [
        {"name": name, "type": kind, "jsonPath": path, **({"priority": priority} if priority else {})}
        for name, kind, path, priority in _COLUMNS
    ]
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": columns,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": _resource_schema()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{PLURAL}.{GROUP}",
            # `helm uninstall` would take every Agent along.
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["ag"],
                "categories": ["oblivion"],
            },
            "versions": [version],
        },
    }


def _resource_schema() -> Schema:
    return {
        "type": "object",
        "description": "An AI agent of a team: who it is, what may reach it, and the pods that it runs in.",
        "required": ["spec"],
        "x-kubernetes-validations": [
            {
                "rule": f"self.metadata.name.matches('{AGENT_NAME_PATTERN}')",
                "message": "an agent's name has at most 63 lower-case letters, digits and hyphens",
            }
        ],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(AgentSpec.model_json_schema(by_alias=True)),
            "status": structural(AgentStatus.model_json_schema(by_alias=True)),
        },
    }


def structural(schema: Schema) -> Schema:
    """A JSON Schema of Pydantic's as a structural one."""
    return _without_references(schema, schema.get("$defs", {}))


def _without_references(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" in schema:
        named = definitions[schema["$ref"].rpartition("/")[2]]
        schema = {**named, **{key: value for key, value in schema.items() if key != "$ref"}}
    schema = _without_null(schema)
    kept: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: _without_references(inner, definitions) for name, inner in value.items()}
        elif key == "items" or (key == "additionalProperties" and isinstance(value, dict)):
            kept[key] = _without_references(cast("Schema", value), definitions)
        elif key == "default":
            # The operator knows what is meant by nothing; what is stored stays what somebody wrote.
            kept |= {key: value} if value and not isinstance(value, dict) else {}
        elif key == "description":
            kept[key] = " ".join(value.split())
        elif key not in {"title", "$defs", "additionalProperties"}:
            kept[key] = value
    return kept


def _without_null(schema: Schema) -> Schema:
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if schema.get("x-kubernetes-int-or-string"):
        return rest
    return {**choices[0], **rest} if choices else schema


def render() -> str:
    """The file's text."""
    return HEADER + yaml.safe_dump(definition(), sort_keys=False, width=110, allow_unicode=True)


def main() -> int:
    """Exit code 1 when --check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m oblivion_operator.crd")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when it is out of date")
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    arguments = parser.parse_args()
    if not arguments.check:
        arguments.file.parent.mkdir(parents=True, exist_ok=True)
        arguments.file.write_text(render())
        return 0
    if arguments.file.exists() and arguments.file.read_text() == render():
        return 0
    sys.stderr.write(f"{arguments.file} is not what the Agent's classes say; run make schemas\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
