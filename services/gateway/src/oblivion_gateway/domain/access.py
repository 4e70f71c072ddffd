"""Who may do what: one table of operation and role, for the whole of REST.

An operation that is not in the table does not exist: the application refuses to start with one.
"""

from oblivion_gateway.domain.callers import Caller, Role

ADMINS = frozenset({Role.ADMIN})
USERS = ADMINS | {Role.USER}
PEOPLE = USERS | {Role.GUEST}
EVERYBODY = PEOPLE | {Role.AGENT}
OPERATORS = frozenset({Role.OPERATOR})

ACCESS: dict[str, frozenset[Role]] = {
    "who_am_i": EVERYBODY,
}
"""Operation → the roles that may; what is a person's own is checked besides."""


def may(caller: Caller, operation: str) -> bool:
    return not caller.roles.isdisjoint(ACCESS[operation])
