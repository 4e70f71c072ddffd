"""What can be linked: ClickUp's lists and Slack's channels, as they were when somebody last looked."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from oblivion_contracts.administration import Page
from oblivion_contracts.model import Contract

PlaceKind = Literal["list", "channel"]


class PlaceView(Contract):
    """A list or a channel that the connected app sees.

    Private channels are there only if the app is in them: Slack shows it no others.
    """

    integration_id: UUID
    """Of which connected workspace it is."""
    kind: PlaceKind
    external_id: Annotated[str, Field(max_length=64)]
    """As ClickUp or Slack name it."""
    name: Annotated[str, Field(max_length=200)]
    path: Annotated[str, Field(max_length=300)] = ""
    """Where a list lies: its space, and its folder if it is in one. Empty for channels."""
    is_private: bool = False
    is_member: bool = True
    """The app is in it. Where it is not, nothing can be posted until somebody invites it."""
    seen_at: datetime


class PlacePage(Page):
    """`GET /api/places`: what was found last, at once; a new reading goes on behind it."""

    items: list[PlaceView]
    read_at: datetime | None
    """When all of them were read last; null before the first reading."""
    is_reading: bool
    """A new reading is on its way: ask again in a moment."""
    problem: str | None = None
    """Why what is shown may be old or not all, and what to do about it."""
