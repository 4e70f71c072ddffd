"""How a message finds its agent. Pure: no store, no framework, no clock; the model is a port.

    router = compile_router(profiles)
    decision = route(router, text, RouteContext(thread_agent="notion"))
    if decision.agent is None:
        decision = await slow_path.choose(tenant_id, router, text, decision)

`slow_path` is a `SlowPath`: `RememberingSlowPath(ModelSlowPath(…))`, or without a model `NoSlowPath`.

`docs/reference/routing.md` says how it works for people.
"""

from oblivion_platform.routing.cache import DecisionCache
from oblivion_platform.routing.decisions import DEFAULT_TASK, GENERAL, Candidate, Decision, Stage
from oblivion_platform.routing.profiles import (
    AgentProfile,
    Limits,
    Task,
    default_squad,
    profile_from_document,
)
from oblivion_platform.routing.router import Router, compile_router
from oblivion_platform.routing.slow_path import (
    ModelChoice,
    ModelSlowPath,
    NoSlowPath,
    RememberingSlowPath,
    SlowPath,
)
from oblivion_platform.routing.stages import RouteContext, agent_named, route, settle

__all__ = [
    "DEFAULT_TASK",
    "GENERAL",
    "AgentProfile",
    "Candidate",
    "Decision",
    "DecisionCache",
    "Limits",
    "ModelChoice",
    "ModelSlowPath",
    "NoSlowPath",
    "RememberingSlowPath",
    "RouteContext",
    "Router",
    "SlowPath",
    "Stage",
    "Task",
    "agent_named",
    "compile_router",
    "default_squad",
    "profile_from_document",
    "route",
    "settle",
]
