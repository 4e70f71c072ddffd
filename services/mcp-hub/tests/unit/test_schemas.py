"""Schemas that take too long are none; those that people write are, and say what is wrong."""

import pytest

from oblivion_mcp_hub.domain.schema_cost import WORK_MAX, cost_of
from oblivion_mcp_hub.domain.schemas import Schema, SchemaUnusable


def doubled(word, levels=40):
    parts = {f"d{n}": {word: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**parts, f"d{levels}": {"type": "object"}}, "$ref": "#/$defs/d0"}


def nested(wrap, levels):
    schema = {"type": "object"}
    for _ in range(levels):
        schema = wrap(schema)
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        doubled("allOf"),
        doubled("anyOf"),
        doubled("oneOf"),
        nested(lambda inner: {"allOf": [inner], "unevaluatedProperties": False}, 40),
        nested(lambda inner: {"not": inner}, 1_000),
        {"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(1_000)} | {"d1000": {}}},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/nothing"},
        {"$ref": "#anchor", "$defs": {"a": {"$anchor": "anchor"}}},
        {"$dynamicRef": "#here"},
        {"properties": {"a": {"$id": "https://example.org/other"}}},
    ],
)
def test_a_schema_that_could_take_for_ever_is_none(schema):
    schema.setdefault("$ref", "#/$defs/d0") if "d0" in schema.get("$defs", {}) else None
    with pytest.raises(SchemaUnusable):
        Schema(schema)


TREE = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
JSON = {
    "anyOf": [
        {"type": ["string", "number", "boolean", "null"]},
        {"type": "array", "items": {"$ref": "#"}},
        {"type": "object", "additionalProperties": {"$ref": "#"}},
    ]
}
TWICE = {"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}


def deep(name, levels):
    value = {}
    for _ in range(levels):
        value = {name: value}
    return value


@pytest.mark.parametrize("schema", [TREE, JSON])
def test_a_schema_that_refers_to_itself_takes_deep_values(schema):
    assert cost_of(schema).growth == 1
    assert Schema(schema).holds(deep("left", 50))


def test_a_schema_that_refers_to_itself_twice_takes_no_deep_ones():
    schema = Schema(TWICE)
    assert schema.holds(deep("a", 8))
    assert not schema.holds(deep("a", 40))
    assert "too deep" in schema.faults(deep("a", 40))


def test_many_values_by_a_schema_of_many_steps_are_too_many():
    schema = {"items": {"anyOf": [{"const": number} for number in range(1_000)]}}
    assert cost_of(schema).of([1] * 100) < WORK_MAX
    assert not Schema(schema).holds([1] * 100_000)


def test_long_texts_by_many_patterns_are_too_long():
    schema = Schema({"allOf": [{"pattern": f"^[01]*1[01]{{{n}}}$"} for n in range(50)]})
    assert not schema.holds("01" * 1_000_000)


def test_what_is_wrong_is_said_in_a_few_words():
    schema = Schema({"properties": {"count": {"type": "integer"}}, "required": ["name"]})
    assert schema.faults({"name": "a", "count": 1}) is None
    assert "count" in schema.faults({"name": "a", "count": "one"})
    many = Schema({"allOf": [{"maxProperties": 0}] * 2_000})
    assert len(many.faults({"a": "x" * 1_000})) < 1_000
