"""Who may do what: one table of operation and role, for the whole of REST.

An operation that is not in the table does not exist: the application refuses to start with one.
"""

from oblivion_gateway.domain.callers import Caller, Role

ADMINS = frozenset({Role.ADMIN})
USERS = ADMINS | {Role.USER}
PEOPLE = USERS | {Role.GUEST}
EVERYBODY = PEOPLE | {Role.AGENT}
OPERATORS = frozenset({Role.OPERATOR})
CLUSTER = frozenset({Role.CLUSTER})
FEED_READERS = USERS
"""Of the live feed, which is no operation of REST."""

ACCESS: dict[str, frozenset[Role]] = {
    "who_am_i": EVERYBODY,
    # Agents
    "list_agents": EVERYBODY,
    "show_agent": EVERYBODY,
    "create_agent": ADMINS,
    "change_agent": ADMINS,
    "disable_agent": ADMINS,
    "enable_agent": ADMINS,
    "mute_agent": ADMINS,
    "unmute_agent": ADMINS,
    "list_secrets": ADMINS,
    "issue_secret": ADMINS,
    "retire_secret": ADMINS,
    # Runs: one's own, but for admins
    "list_runs": PEOPLE,
    "show_run": PEOPLE,
    "list_run_events": PEOPLE,
    "cancel_run": PEOPLE,
    "label_run": PEOPLE,
    "show_job_status": PEOPLE,
    "stream_job_progress": PEOPLE,
    "list_run_tool_calls": PEOPLE,
    "retry_run": USERS,
    "list_approvals": USERS,
    "answer_approval": USERS,
    # Sessions: one's own, but for admins
    "list_sessions": PEOPLE,
    "create_session": PEOPLE,
    "show_session": PEOPLE,
    "change_session": PEOPLE,
    "list_session_messages": PEOPLE,
    "say": PEOPLE,
    "search_history": USERS | {Role.AGENT},
    # Workflows
    "list_workflows": USERS,
    "show_workflow": USERS,
    "run_workflow": USERS,
    "create_workflow": ADMINS,
    "change_workflow": ADMINS,
    "delete_workflow": ADMINS,
    # Events and dead letters
    "list_events": ADMINS,
    "show_event": ADMINS,
    "read_event_body": ADMINS,
    "replay_event": ADMINS,
    "list_dead_letters": ADMINS,
    "report_dead_letters": ADMINS,
    "show_dead_letter": ADMINS,
    "retry_dead_letters": ADMINS,
    "discard_dead_letters": ADMINS,
    # Routing
    "try_route": USERS,
    "list_route_decisions": ADMINS,
    "list_route_labels": ADMINS,
    "list_route_rules": USERS,
    "set_route_rule": ADMINS,
    "drop_route_rule": ADMINS,
    # People and mappings
    "list_users": ADMINS,
    "create_user": ADMINS,
    "change_user": ADMINS,
    "list_mappings": USERS,
    "show_mapping": USERS,
    "link_mapping": ADMINS,
    "change_mapping": ADMINS,
    "unlink_mapping": ADMINS,
    "show_mapping_activity": ADMINS,
    "send_mapping_sample": ADMINS,
    "list_places": ADMINS,
    # The system
    "list_audit": ADMINS,
    "list_credentials": ADMINS,
    "show_overview": ADMINS,
    "show_setup": ADMINS,
    "list_stats": ADMINS,
    "list_queues": ADMINS,
    "list_breakers": ADMINS,
    "list_tool_calls": ADMINS,
    "show_settings": ADMINS,
    "change_settings": ADMINS,
    "list_tenants": OPERATORS,
    # Agent resources: proved by the cluster itself
    "name_tenant": CLUSTER,
    "register_agent": CLUSTER,
    "show_demand": CLUSTER,
    "retain_agents": CLUSTER,
}
"""Operation → the roles that may; what is a person's own is checked besides."""


def may(caller: Caller, operation: str) -> bool:
    return not caller.roles.isdisjoint(ACCESS[operation])
