"""What every effect's body can do, whatever it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeAlias

Json: TypeAlias = dict[str, Any]
Blocks: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class EffectBody:
    """Part of the envelope that depends on the kind; its fields are the row's payload."""

    kind: ClassVar[str]

    def to_payload(self) -> Json:
        # Not `asdict`: it would copy every block.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        return cls(**payload)
