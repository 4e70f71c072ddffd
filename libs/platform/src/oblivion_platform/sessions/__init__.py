"""Sessions: one conversation, continued across Slack, web, terminal and API.

    async with database.tenant(tenant_id) as tx:
        session = await sessions.open_for_thread(tx, tenant_id, thread, …)
        said = await sessions.append_message(tx, session.id, Said(…, source_ref="1700000000.000100"))
        await cache.outdate(tenant_id, session.id, said.version)

Postgres is the truth. Redis keeps a copy for an hour, under the session's version: a writer says which
version there is now, and a reader that finds an older copy, or none, reads the rows and leaves a new copy. A
copy that is older than another never replaces it.
"""

from oblivion_platform.sessions.cache import SessionCache
from oblivion_platform.sessions.reading import Reader, Sessions
from oblivion_platform.sessions.records import (
    WATCHED_TRIGGERS,
    Appended,
    NewSessionRow,
    Said,
    SessionRow,
    SessionUnknown,
)
from oblivion_platform.sessions.store import (
    append_message,
    create,
    edit_message,
    listing,
    open_for_thread,
    read,
    set_current,
    set_switches,
    snapshot,
)

__all__ = [
    "WATCHED_TRIGGERS",
    "Appended",
    "NewSessionRow",
    "Reader",
    "Said",
    "SessionCache",
    "SessionRow",
    "SessionUnknown",
    "Sessions",
    "append_message",
    "create",
    "edit_message",
    "listing",
    "open_for_thread",
    "read",
    "set_current",
    "set_switches",
    "snapshot",
]
