"""`/api/users`, `/api/mappings`, `/api/routes`, and what can only be looked at."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from oblivion_contracts.administration import (
    AuditPage,
    Credentials,
    MappingPage,
    MappingView,
    NewMapping,
    NewRouteRule,
    NewUser,
    Overview,
    RouteDecisionPage,
    RouteLabelPage,
    RouteRule,
    RouteRules,
    RouteTried,
    Setup,
    Stats,
    Tenants,
    TryRoute,
    UserChange,
    UserPage,
    UserView,
)
from oblivion_contracts.mapping_activity import MappingActivity, MappingSample
from oblivion_contracts.mappings import MappingOptions
from oblivion_gateway.routes.dependencies import AllowedCaller, Edit, Once, Read, ServicesNeeded, allowed
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems
from oblivion_platform.operations.reports import AuditFilter

router = APIRouter(prefix="/api", responses=problems(*ALWAYS))
Metric = Annotated[str | None, Query(pattern=r"^[a-z0-9_.]{1,80}$", description="Only this one.")]
Minutes = Annotated[int, Query(ge=1, le=7 * 24 * 60, description="How far back.")]
Actor = Annotated[
    str | None,
    Query(pattern=r"^[^\x00-\x1f]{1,200}$", description="Only what they did: `user:{id}`, `cli:{name}` …"),
]
Action = Annotated[
    str | None, Query(pattern=r"^[a-z0-9_.]{1,80}$", description="Only this, such as `agent.created`.")
]
Words = Annotated[
    str,
    Query(
        max_length=200,
        pattern=r"^ *([^\x00-\x20]+ +){0,7}[^\x00-\x20]* *$",
        description="Up to eight words that stand in a line, or in the names of people and agents in it.",
    ),
]


@router.get("/users", tags=["users"])
async def list_users(
    read: Read, services: ServicesNeeded, cursor: Cursor = None, limit: Limit = LIMIT
) -> UserPage:
    """Everybody in the tenant."""
    return await read(lambda unit: services.people.listing(unit, cursor, limit))


@router.post("/users", tags=["users"], status_code=201, response_model=UserView, responses=problems(409))
async def create_user(new: NewUser, once: Once, services: ServicesNeeded) -> Response:
    """Let somebody in. Who is there already is not let in twice."""
    return await once(lambda unit: services.people.create(unit, new), status=201)


@router.patch("/users/{user_id}", tags=["users"], response_model=UserView, responses=problems(404, 409))
async def change_user(user_id: UUID, wish: UserChange, edit: Edit, services: ServicesNeeded) -> Response:
    """Name, role, or whether they may come in at all. The last admin stays one."""
    return await edit(lambda unit: services.people.change(unit, user_id, wish))


@router.get("/mappings", tags=["mappings"])
async def list_mappings(
    read: Read, services: ServicesNeeded, cursor: Cursor = None, limit: Limit = LIMIT
) -> MappingPage:
    """Which ClickUp lists are joined to which Slack channels."""
    return await read(lambda unit: services.mappings.listing(unit, cursor, limit))


@router.post(
    "/mappings", tags=["mappings"], status_code=201, response_model=MappingView, responses=problems(404)
)
async def link_mapping(new: NewMapping, once: Once, services: ServicesNeeded) -> Response:
    """Join a list to a channel, or give a mapping that exists new options.

    `problem` says so where the app is known not to be in the channel.
    """
    return await once(lambda unit: services.mappings.link(unit, new), status=201)


@router.get("/mappings/{mapping_id}", tags=["mappings"], responses=problems(404))
async def show_mapping(mapping_id: UUID, read: Read, services: ServicesNeeded) -> MappingView:
    """One mapping."""
    return await read(lambda unit: services.mappings.show(unit, mapping_id))


@router.put("/mappings/{mapping_id}", tags=["mappings"], response_model=MappingView, responses=problems(404))
async def change_mapping(
    mapping_id: UUID, options: MappingOptions, edit: Edit, services: ServicesNeeded
) -> Response:
    """Replace its options."""
    return await edit(lambda unit: services.mappings.change(unit, mapping_id, options))


@router.delete("/mappings/{mapping_id}", tags=["mappings"], status_code=204, responses=problems(404))
async def unlink_mapping(mapping_id: UUID, edit: Edit, services: ServicesNeeded) -> Response:
    """End it. Messages stay where they are and are no longer followed."""
    return await edit(lambda unit: services.mappings.unlink(unit, mapping_id), status=204)


@router.get("/mappings/{mapping_id}/activity", tags=["mappings"], responses=problems(404))
async def show_mapping_activity(mapping_id: UUID, read: Read, services: ServicesNeeded) -> MappingActivity:
    """Its last events, what could not be sent, and its newest sample."""
    return await read(lambda unit: services.mappings.activity(unit, mapping_id))


@router.post(
    "/mappings/{mapping_id}/sample",
    tags=["mappings"],
    status_code=202,
    response_model=MappingSample,
    responses=problems(404),
)
async def send_mapping_sample(mapping_id: UUID, once: Once, services: ServicesNeeded) -> Response:
    """Make a task in the list, to see it arrive in the channel; `activity` says how far it has come."""
    return await once(lambda unit: services.mappings.sample(unit, mapping_id), status=202)


@router.post("/routes/try", tags=["routes"])
async def try_route(wish: TryRoute, caller: AllowedCaller, services: ServicesNeeded) -> RouteTried:
    """Where a message would go, and why; nothing is done."""
    return await services.routes.attempt(caller, wish)


@router.get("/routes/decisions", tags=["routes"])
async def list_route_decisions(
    read: Read,
    services: ServicesNeeded,
    run_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> RouteDecisionPage:
    """How runs found their agents, newest first."""
    return await read(lambda unit: services.routes.decisions(unit, cursor, limit, run_id))


@router.get("/routes/labels", tags=["routes"])
async def list_route_labels(
    read: Read, services: ServicesNeeded, cursor: Cursor = None, limit: Limit = LIMIT
) -> RouteLabelPage:
    """What people thought of it, newest first."""
    return await read(lambda unit: services.routes.labels(unit, cursor, limit))


@router.get("/routes/rules", tags=["routes"])
async def list_route_rules(read: Read, services: ServicesNeeded) -> RouteRules:
    """Overrides, and the default agents of channels."""
    return await read(services.routes.rules)


@router.put("/routes/rules", tags=["routes"], response_model=RouteRule, responses=problems(404))
async def set_route_rule(rule: NewRouteRule, edit: Edit, services: ServicesNeeded) -> Response:
    """Set the rule of a kind and scope."""
    return await edit(lambda unit: services.routes.set_rule(unit, rule))


@router.delete("/routes/rules/{rule_id}", tags=["routes"], status_code=204, responses=problems(404))
async def drop_route_rule(rule_id: UUID, edit: Edit, services: ServicesNeeded) -> Response:
    """Take a rule back."""
    return await edit(lambda unit: services.routes.drop_rule(unit, rule_id), status=204)


@router.get("/audit", tags=["system"])
async def list_audit(
    read: Read,
    services: ServicesNeeded,
    actor: Actor = None,
    action: Action = None,
    q: Words = "",
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> AuditPage:
    """Who changed what, newest first."""
    wanted = AuditFilter(actor=actor, action=action, words=tuple(q.split()), limit=limit)
    return await read(lambda unit: services.reports.audit(unit, cursor, wanted))


@router.get("/credentials", tags=["system"])
async def list_credentials(read: Read, services: ServicesNeeded) -> Credentials:
    """Stored tokens, without their values."""
    return await read(services.reports.credentials)


@router.get("/overview", tags=["system"])
async def show_overview(read: Read, services: ServicesNeeded) -> Overview:
    """How the system is: what lives now, and what the last 24 hours brought."""
    return await read(services.reports.overview)


@router.get("/setup", tags=["system"])
async def show_setup(read: Read, services: ServicesNeeded) -> Setup:
    """What an installation needs before it is of use, each looked at as it is now."""
    return await read(services.first_steps)


@router.get("/stats", tags=["system"])
async def list_stats(
    read: Read, services: ServicesNeeded, metric: Metric = None, minutes: Minutes = 60
) -> Stats:
    """Figures by the minute."""
    return await read(lambda unit: services.reports.stats(unit, metric, minutes))


@router.get("/tenants", tags=["system"], dependencies=[Depends(allowed)])
async def list_tenants(services: ServicesNeeded) -> Tenants:
    """Every tenant of the system; for operators."""
    return await services.tenants()
