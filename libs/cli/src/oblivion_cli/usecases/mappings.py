"""Mappings: which ClickUp list is joined to which Slack channel, and how they follow each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.errors import CommandFailed, NotFound
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.ids import check_prefix, the_one
from oblivion_contracts.administration import NewMapping
from oblivion_contracts.mappings import AgentTriggers, MappingOptions
from oblivion_platform.database.engine import Database
from oblivion_platform.operations.mappings import link, unlink

NAME_LENGTH_MAX = 200

_LIST = text("""
    SELECT id, clickup_list_name AS list, clickup_list_id AS list_id, slack_channel_name AS channel,
        slack_channel_id AS channel_id, options, state, problem, created_at
    FROM project_mappings WHERE :all OR state = 'active'
    ORDER BY clickup_list_name, slack_channel_name, created_at
""")
_FIND = text("""
    SELECT id FROM project_mappings WHERE state = 'active' AND (
        CAST(id AS text) LIKE :prefix || '%'
        OR (:channel <> '' AND :list IN (clickup_list_id, clickup_list_name)
            AND :channel IN (slack_channel_id, slack_channel_name)))
""")


@dataclass(frozen=True)
class Place:
    """A list or a channel: which integration's, and what people call it."""

    integration_id: UUID
    id: str
    name: str


@dataclass(frozen=True)
class Linked:
    """A mapping after `link`."""

    id: UUID
    is_new: bool
    list_name: str
    channel_name: str


def channel_name(typed: str) -> str:
    return typed.strip().removeprefix("#")


def choose_place(kind: str, typed: str, found: list[Place]) -> Place:
    """The place with this id or name.

    Raises:
        NotFound: there is none.
        CommandFailed: several have the name.
    """
    wanted = channel_name(typed) if kind == "channel" else typed.strip()
    by_id = [place for place in found if place.id == wanted]
    by_name = [place for place in found if place.name.casefold() == wanted.casefold()]
    fitting = by_id or by_name
    if not fitting:
        known = ", ".join(sorted(place.name for place in found)[:12])
        raise NotFound(f"There is no {kind} {wanted!r}.", f"Known here: {known or 'none'}.")
    if len(fitting) > 1:
        ids = ", ".join(place.id for place in fitting)
        raise CommandFailed(f"Several {kind}s are called {wanted!r}: {ids}.", "Give the id.")
    return fitting[0]


async def refuse_unknown(database: Database, tenant_id: UUID, triggers: AgentTriggers) -> None:
    """Raises: NotFound: an agent that the options name is none of the tenant's."""
    from oblivion_platform.agents import list_agents  # Loads the router, which most verbs do not need.

    named = {
        *triggers.assignees.values(),
        *triggers.tags.values(),
        *triggers.statuses.values(),
        *([triggers.default_agent] if triggers.default_agent else []),
    }
    async with database.tenant(tenant_id) as tx:
        known = {agent.name for agent in await list_agents(tx)} if named else set[str]()
    if unknown := sorted(named - known):
        raise NotFound(f"There is no agent called {unknown[0]}.", "See `oblivion agents list`.")


def by_user_id(options: MappingOptions, teams: Sequence[Any], team_id: str) -> MappingOptions:
    """The options with ClickUp's ids of the assignees, who may be given by name or e-mail address too.

    Raises:
        NotFound: somebody is not in the workspace.
    """
    users = [
        member["user"] for team in teams if str(team["id"]) == team_id for member in team.get("members", [])
    ]
    ids = {
        str(user[field]).casefold(): str(user["id"])
        for field in ("username", "email", "id")
        for user in users
        if user.get(field)
    }
    unknown = [typed for typed in options.agents.assignees if typed.casefold() not in ids]
    if unknown:
        known = ", ".join(sorted(str(user.get("username")) for user in users)[:12])
        raise NotFound(f"There is no ClickUp user {unknown[0]!r}.", f"Known here: {known or 'nobody'}.")
    assignees = {ids[typed.casefold()]: agent for typed, agent in options.agents.assignees.items()}
    return options.model_copy(update={"agents": options.agents.model_copy(update={"assignees": assignees})})


class Mappings:
    """The mappings of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor

    async def link(self, list_: Place, channel: Place, options: MappingOptions) -> Linked:
        """Join a list to a channel, or give a mapping that exists new options."""
        new = NewMapping(
            clickup_integration_id=list_.integration_id,
            clickup_list_id=list_.id,
            clickup_list_name=list_.name[:NAME_LENGTH_MAX],
            slack_integration_id=channel.integration_id,
            slack_channel_id=channel.id,
            slack_channel_name=channel.name[:NAME_LENGTH_MAX],
            options=options,
        )
        async with self._database.tenant(self._tenant_id) as tx:
            mapping_id, is_new = await link(tx, self._tenant_id, self._actor, new)
        return Linked(mapping_id, is_new, list_.name, channel.name)

    async def listing(self, *, unlinked_too: bool = False) -> list[dict[str, Any]]:
        async with self._database.tenant(self._tenant_id) as tx:
            rows = await tx.execute(_LIST, {"all": unlinked_too})
            return [dict(row) for row in rows.mappings()]

    async def unlink(self, list_or_id: str, channel: str | None) -> UUID:
        """End a mapping. Messages stay where they are and are no longer followed.

        Raises:
            NotFound: no active mapping is meant.
            UsageWrong: several are.
        """
        prefix = check_prefix(list_or_id) if channel is None else "none"
        meant = {"prefix": prefix, "list": list_or_id, "channel": channel_name(channel or "")}
        async with self._database.tenant(self._tenant_id) as tx:
            found = (await tx.execute(_FIND, meant)).all()
            mapping_id = the_one(found, "active mapping", list_or_id, "oblivion mappings list")
            await unlink(tx, self._tenant_id, self._actor, mapping_id)
        return mapping_id
