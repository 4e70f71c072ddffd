"""The two bases every contract has: strict about what it sends, explicit about what it accepts."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """Immutable; an unknown field is an error, because both ends are ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")
