"""One API request: its path, query and body, and whose token makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams

from oblivion_sandbox.clickup.errors import ClickUpError, invalid
from oblivion_sandbox.store import Json, Row

if TYPE_CHECKING:
    from oblivion_sandbox.clickup.service import ClickUp


@dataclass(frozen=True)
class Call:
    """What a handler works on."""

    clickup: "ClickUp"
    user: Row
    path: dict[str, str]
    query: QueryParams
    body: Json
    base_url: str

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number of the query."""
        value = self.query.get(name)
        if value is None or value == "":
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 18:
            raise invalid(f"{name} must be a number", "INPUT_002")
        return int(value)

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() == "true"

    def several(self, name: str) -> tuple[str, ...]:
        """An array of the query, written `name[]=a&name[]=b`."""
        return tuple(self.query.getlist(f"{name}[]"))

    def check_team(self) -> None:
        """The workspace of the path is the one that the token opens.

        Raises:
            ClickUpError: OAUTH_023, as for a workspace that was not authorised.
        """
        if self.path["team_id"] != self.clickup.space.team["id"]:
            raise ClickUpError(401, "Team not authorized", "OAUTH_023")


Answer = Callable[[Call], Json]
