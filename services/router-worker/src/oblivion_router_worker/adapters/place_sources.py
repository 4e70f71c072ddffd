"""Implements `ports.places.PlaceSource` on Slack and ClickUp, with the least urgent part of their budgets."""

import random

from oblivion_platform.clickup import ClickUp, ClickUpClient, Use
from oblivion_platform.errors import PermanentFailure
from oblivion_router_worker.adapters.clickup_reads import client_of
from oblivion_router_worker.adapters.slack import Json, SlackApi, next_cursor
from oblivion_router_worker.adapters.slack_budgets import Allowance
from oblivion_router_worker.domain.places import channels, lists_of_folders, lists_of_space
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.credentials import Credentials
from oblivion_router_worker.ports.places import Keep
from oblivion_router_worker.usecases.read_places import TooManyPlaces

PAGE = 999
"""Slack's most; fewer would need more of the calls that it counts."""
PAGES_MAX = 60
TIER_2 = Allowance(per_s=20 / 60, burst=20)
"""Source: https://docs.slack.dev/reference/methods/conversations.list"""


class SlackChannels:
    """Every public channel, and the private ones that the app is in: Slack tells it of no others."""

    what = "Slack channels"

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    async def read(self, integration: Integration, keep: Keep) -> None:
        try:
            await self._read(integration, keep, "public_channel,private_channel")
        except PermanentFailure as refused:
            if refused.code != "slack_missing_scope":
                raise
            # The right to see private ones is the workspace's to give; the public ones are there without.
            await self._read(integration, keep, "public_channel")

    async def _read(self, integration: Integration, keep: Keep, types: str) -> None:
        arguments: Json = {"types": types, "exclude_archived": True, "limit": PAGE}
        for _ in range(PAGES_MAX):
            page = await self._api.call(
                integration.tenant_id,
                integration.id,
                "conversations.list",
                arguments,
                changes=False,
                allowance=TIER_2,
            )
            await keep(channels(page))
            cursor = next_cursor(page)
            if cursor is None:
                return
            arguments = arguments | {"cursor": cursor}
        raise TooManyPlaces


class ClickUpLists:
    """Every list that the token's owner sees: two requests for each space."""

    what = "ClickUp lists"

    def __init__(self, clickup: ClickUp, credentials: Credentials) -> None:
        self._clickup = clickup
        self._credentials = credentials

    async def read(self, integration: Integration, keep: Keep) -> None:
        async with client_of(self._clickup, self._credentials, integration, Use.GAP_FILLING) as client:
            spaces = await client.get_spaces(integration.external_id)
            # Where a minute's budget is not enough for all, other spaces come first the next time.
            random.shuffle(spaces)
            for space in spaces:
                await _read_space(client, space, keep)


async def _read_space(client: ClickUpClient, space: Json, keep: Keep) -> None:
    space_id = str(space["id"])
    folders = await client.get_folders(space_id)
    lists = await client.get_folderless_lists(space_id)
    await keep(lists_of_folders(space, folders) + lists_of_space(space, lists))
