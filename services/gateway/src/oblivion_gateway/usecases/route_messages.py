"""How messages find agents, over REST: tried, ruled, looked back at."""

from uuid import UUID

from oblivion_contracts.administration import (
    NewRouteRule,
    RouteCandidate,
    RouteDecisionPage,
    RouteLabelPage,
    RouteRule,
    RouteRules,
    RouteTried,
    TryRoute,
)
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.domain.cursors import decode_moment, next_cursor
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform import agents
from oblivion_platform.agents import AgentDirectory
from oblivion_platform.operations import routes
from oblivion_platform.routing import RouteContext, Router, compile_router, route

ROUTERS_KEPT = 50


class RouteMessages:
    """Tries routes with the tenant's own agents, without asking a model."""

    def __init__(self, directory: AgentDirectory) -> None:
        self._directory = directory
        self._routers: dict[UUID, tuple[int, Router]] = {}

    async def attempt(self, caller: Caller, wish: TryRoute) -> RouteTried:
        """Where a message would go; nothing is done, and nothing is written down."""
        router = await self._router(caller.tenant_id)
        decision = route(router, wish.text, RouteContext(thread_agent=wish.thread_agent))
        return RouteTried(
            stage=decision.stage.value,
            agent=decision.agent,
            task=decision.task,
            score=decision.score,
            reason=decision.reason,
            candidates=[RouteCandidate(agent=one.agent, score=one.score) for one in decision.candidates],
        )

    async def decisions(
        self, unit: Unit, cursor: str | None, limit: int, run_id: UUID | None
    ) -> RouteDecisionPage:
        found = await routes.list_decisions(unit.tx, run_id=run_id, limit=limit, before=decode_moment(cursor))
        return RouteDecisionPage(
            items=found, next_cursor=next_cursor(found, limit, lambda one: (one.at.isoformat(), one.id))
        )

    async def labels(self, unit: Unit, cursor: str | None, limit: int) -> RouteLabelPage:
        found = await routes.list_labels(unit.tx, limit=limit, before=decode_moment(cursor))
        return RouteLabelPage(
            items=found, next_cursor=next_cursor(found, limit, lambda one: (one.at.isoformat(), one.id))
        )

    async def rules(self, unit: Unit) -> RouteRules:
        return RouteRules(items=await routes.list_rules(unit.tx))

    async def set_rule(self, unit: Unit, new: NewRouteRule) -> RouteRule:
        """Raises: AgentNotFound."""
        agent = await agents.find_agent(unit.tx, new.agent)
        rule = await routes.set_rule(
            unit.tx, unit.caller.tenant_id, new, agent_id=agent.id, created_by=unit.caller.name
        )
        await unit.note("route_rule.set", rule.id, kind=new.kind, scope=new.scope, agent=agent.name)
        return rule

    async def drop_rule(self, unit: Unit, rule_id: UUID) -> None:
        """Raises: NothingFound."""
        await routes.drop_rule(unit.tx, rule_id)
        await unit.note("route_rule.dropped", rule_id)

    async def _router(self, tenant_id: UUID) -> Router:
        known = await self._directory.of(tenant_id)
        version, router = self._routers.get(tenant_id, (0, None))
        if router is None or version != known.version:
            router = compile_router(known.profiles)
            if len(self._routers) >= ROUTERS_KEPT:
                self._routers.clear()
            self._routers[tenant_id] = (known.version, router)
        return router
