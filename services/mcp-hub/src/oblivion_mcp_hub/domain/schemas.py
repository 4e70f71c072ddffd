"""JSON Schemas of tools, compiled once. Nothing is fetched, no pattern takes longer than linear time, and
nothing is validated that could take longer than anybody waits."""

from typing import Any

import jsonschema_rs

from oblivion_mcp_hub.domain.schema_cost import WORK_MAX, TooMuchWork, cost_of

FAULTS_SHOWN = 3
FAULT_LENGTH_MAX = 300
EXPLAINED_WORK_MAX = 100_000
"""Each fault is found with the value that has it, and all of them before the first is told."""


class SchemaUnusable(ValueError):
    """It is no JSON Schema, refers to what is not in it, or takes too long."""

    def __init__(self, why: str = "Its schema is not valid.") -> None:
        super().__init__(why)


class Schema:
    """One compiled schema."""

    __slots__ = ("_cost", "_validator")

    def __init__(self, schema: dict[str, Any]) -> None:
        """Raises: SchemaUnusable."""
        try:
            self._cost = cost_of(schema)
        except (TooMuchWork, RecursionError):
            raise SchemaUnusable(
                "Its schema takes too long to check, or refers to what is not in it."
            ) from None
        try:
            self._validator = jsonschema_rs.validator_for(
                schema, offline=True, pattern_options=jsonschema_rs.RegexOptions()
            )
        except (ValueError, RecursionError):
            raise SchemaUnusable from None

    def faults(self, value: Any) -> str | None:
        """What is wrong with `value`, in words for a model; None when nothing is."""
        work = self._cost.of(value)
        if work > WORK_MAX:
            return "they are too large, or too deep, for its schema"
        if self._validator.is_valid(value):
            return None
        return self._explained(value) if work <= EXPLAINED_WORK_MAX else "they are not what its schema says"

    def holds(self, value: Any) -> bool:
        return self._cost.of(value) <= WORK_MAX and self._validator.is_valid(value)

    def _explained(self, value: Any) -> str:
        faults: list[str] = []
        for error in self._validator.iter_errors(value):
            place = ".".join(map(str, error.instance_path)) or "arguments"
            faults.append(f"{place}: {error.message[:FAULT_LENGTH_MAX]}")
            if len(faults) == FAULTS_SHOWN:
                break
        return "; ".join(faults)
