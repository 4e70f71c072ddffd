"""`/api/places`."""

from typing import Annotated

from fastapi import APIRouter, Query

from oblivion_contracts.places import PlaceKind, PlacePage
from oblivion_gateway.routes.dependencies import AllowedCaller, ServicesNeeded
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems

router = APIRouter(prefix="/api/places", tags=["mappings"], responses=problems(*ALWAYS))
Search = Annotated[
    str,
    Query(
        max_length=100,
        pattern=r"^[^\x00-\x1f]*$",
        description="Part of the name, or of a list's space and folder, or the whole id; in any case.",
    ),
]


@router.get("")
async def list_places(
    caller: AllowedCaller,
    services: ServicesNeeded,
    kind: PlaceKind,
    search: Search = "",
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> PlacePage:
    """ClickUp lists or Slack channels that can be linked, by name; after a minute they are read anew."""
    return await services.places(caller, kind, search, cursor, limit)
