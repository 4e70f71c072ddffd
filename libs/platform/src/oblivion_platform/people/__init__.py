"""The people of a tenant: users, who they are elsewhere, and their signed-in browsers."""

from oblivion_platform.people.browsers import (
    LINK_TTL_S,
    SESSION_TTL_S,
    BrowserUser,
    browser_user,
    issue_link,
    open_session,
    redeem_link,
    revoke_session,
    revoke_sessions_of,
    session_user,
    tenant_of,
)
from oblivion_platform.people.records import Role, User, UserNotFound
from oblivion_platform.people.users import (
    NewUser,
    create_user,
    find_by_identity,
    find_user,
    link_identity,
    list_users,
    other_admins,
    read_user,
    update_user,
)

__all__ = [
    "LINK_TTL_S",
    "SESSION_TTL_S",
    "BrowserUser",
    "NewUser",
    "Role",
    "User",
    "UserNotFound",
    "browser_user",
    "create_user",
    "find_by_identity",
    "find_user",
    "issue_link",
    "link_identity",
    "list_users",
    "open_session",
    "other_admins",
    "read_user",
    "redeem_link",
    "revoke_session",
    "revoke_sessions_of",
    "session_user",
    "tenant_of",
    "update_user",
]
