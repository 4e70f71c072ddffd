"""The squad of the embedded system: registered for the first tenant, with secrets for its one process.

    squad.json   [{name, client_id, client_secret}], readable by the owner alone

A secret that is lost or retired is replaced; what the registry keeps is a hash.
"""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_cli.home import Home
from oblivion_platform.agents import (
    AgentRecord,
    ClientId,
    SecretHasher,
    issue_secret,
    secret_is_live,
    seed_squad,
)
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database

Signature = dict[str, str]


async def register_squad(database: Database, master_keys: MasterKeyRing, tenant_id: UUID, home: Home) -> None:
    """Seed the squad, and write what its process signs in with to `squad.json`."""
    hasher = SecretHasher(master_keys)
    known = _read(home.squad_file)
    async with database.tenant(tenant_id) as tx:
        members = [
            await _member(tx, hasher, ClientId(tenant_id, agent.id), agent, known)
            for agent in await seed_squad(tx, tenant_id)
            if agent.state == "active"
        ]
    _write(home.squad_file, members)


async def _member(
    tx: AsyncConnection, hasher: SecretHasher, client: ClientId, agent: AgentRecord, known: Mapping[str, str]
) -> Signature:
    secret = known.get(str(client))
    if secret is None or not await secret_is_live(tx, hasher, client, secret):
        secret = (await issue_secret(tx, hasher, client)).client_secret
    return {"name": agent.name, "client_id": str(client), "client_secret": secret}


def _read(path: Path) -> dict[str, str]:
    """Client id → secret; nothing, when there is no usable file: secrets are issued again then."""
    try:
        return {member["client_id"]: member["client_secret"] for member in json.loads(path.read_text())}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _write(path: Path, members: list[Signature]) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(members))
    unfinished.rename(path)
