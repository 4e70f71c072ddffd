"""Connections to tool servers: rows, their secrets and sign-ins, and what was pinned of their tools.

    async with database.tenant(tenant_id) as tx:
        new = NewConnection(provider="notion", secret=…)
        connection = await create(tx, tenant_id, actor, new, master_keys)
        secret = await open_secret(tx, Whose(tenant_id, connection.id, master_keys), "connection_secret")

NOTIFY `mcp_connections` tells whoever keeps them in memory.
"""

from oblivion_platform.connections.pins import (
    Pins,
    Told,
    pin_new_tools,
    pin_seen,
    read_definition,
    read_pins,
    unpin,
)
from oblivion_platform.connections.records import (
    CHANNEL,
    Connection,
    auth_of,
    change,
    create,
    default_name,
    delete,
    find,
    list_connections,
    note_health,
    read,
    turn_health,
)
from oblivion_platform.connections.secrets import Whose, open_secret, retire_secret, seal_secret
from oblivion_platform.connections.sign_ins import (
    Begun,
    FlowState,
    Returned,
    begin_flow,
    end_flow,
    lock_sign_in,
    note_sign_in,
    read_flow,
    take_flow,
    tenant_of_state,
)

__all__ = [
    "CHANNEL",
    "Begun",
    "Connection",
    "FlowState",
    "Pins",
    "Returned",
    "Told",
    "Whose",
    "auth_of",
    "begin_flow",
    "change",
    "create",
    "default_name",
    "delete",
    "end_flow",
    "find",
    "list_connections",
    "lock_sign_in",
    "note_health",
    "note_sign_in",
    "open_secret",
    "pin_new_tools",
    "pin_seen",
    "read",
    "read_definition",
    "read_flow",
    "read_pins",
    "retire_secret",
    "seal_secret",
    "take_flow",
    "tenant_of_state",
    "turn_health",
    "unpin",
]
