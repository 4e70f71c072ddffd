"""A live feed that nobody reads but the test."""

from uuid import UUID

from oblivion_platform.feed import Line


class HeardLines:
    """Implements `Teller`."""

    def __init__(self) -> None:
        self.told: list[tuple[UUID, Line]] = []

    def tell(self, tenant_id: UUID, line: Line) -> None:
        self.told.append((tenant_id, line))

    @property
    def words(self) -> list[tuple[str, str, str]]:
        """Kind, level and text of each."""
        return [(line.kind, line.level, line.text) for _, line in self.told]
