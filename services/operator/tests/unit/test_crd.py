"""The custom resource definition follows from the contract, and is what the API server takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from oblivion_contracts.agent_resource import AgentSpec
from oblivion_operator.crd import FILE, definition, render

ROOT = Path(__file__).parents[4]


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from schemas(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from schemas(cast("dict[str, Any]", schema[key]), f"{path}[]")


def version() -> dict[str, Any]:
    return definition()["spec"]["versions"][0]


def test_the_committed_definition_follows_from_the_contract() -> None:
    assert (ROOT / FILE).read_text() == render()
    assert yaml.safe_load(render()) == definition()


def test_the_schema_is_structural() -> None:
    found = dict(schemas(version()["schema"]["openAPIV3Schema"]))

    for path, schema in found.items():
        assert "type" in schema or schema.get("x-kubernetes-int-or-string"), path
        assert not {"$ref", "anyOf", "title", "$defs"} & schema.keys(), path
        assert schema.get("additionalProperties", {}) is not False, path


def test_every_field_of_the_spec_is_explained() -> None:
    fields = version()["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]

    assert [name for name, schema in fields.items() if not schema.get("description")] == []
    assert fields.keys() == {field.alias or name for name, field in AgentSpec.model_fields.items()}


def test_the_columns_are_those_that_people_ask_for() -> None:
    columns = [one["name"] for one in version()["additionalPrinterColumns"] if "priority" not in one]

    assert columns == ["Phase", "Online", "Runs", "Age"]
    assert version()["subresources"].keys() == {"status", "scale"}
    assert definition()["spec"]["names"]["shortNames"] == ["ag"]


def test_an_empty_spec_is_one_agent_that_may_reach_the_internet() -> None:
    spec = AgentSpec()

    assert (spec.replicas, spec.idle_minutes, spec.egress) == (1, 10, ["internet"])


def test_the_registry_gets_what_describes_the_agent_and_nothing_of_its_pods() -> None:
    spec = AgentSpec.model_validate({"image": "x", "limits": {"maxHops": 1}, "systemPrompt": "Be brief."})

    stored = spec.definition().model_dump()
    assert stored["limits"]["max_hops"] == 1
    assert stored["system_prompt"] == "Be brief."
    assert "image" not in stored
