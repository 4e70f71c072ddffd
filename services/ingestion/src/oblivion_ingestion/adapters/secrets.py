"""Signing secrets: found in Postgres, opened with the signing key ring, kept for 30 s.

A change is announced by NOTIFY and drops what it touches at once; while the listening connection is away, the
30 s alone bound how old an answer can be. "None" is an answer and kept as well, so that a flood of invented
names costs one lookup each; both memories are bounded, apart, so that the flood cannot push out what is real.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, LiteralString
from uuid import UUID

import structlog

from oblivion_ingestion.adapters.connection import Connection, SteadyConnection
from oblivion_ingestion.domain.deliveries import Secret, SecretKey
from oblivion_ingestion.errors import StoreUnavailable
from oblivion_platform.crypto import DecryptionFailed, Place, SigningKeyRing
from oblivion_platform.tasks import end

KEEP_S = 30.0
KEPT_KEYS = 10_000
LOOKUPS_AT_ONCE = 100
LISTEN_ROUND_S = 3.0
RECONNECT_S = 0.5
CHANNEL = "signing_secrets"

_log = structlog.get_logger(__name__)

_LIVE: LiteralString = """
    SELECT id, tenant_id, integration_id, lookup_key, ciphertext FROM signing_secrets
    WHERE source = %s AND kind = 'signing_secret' AND state = 'live' AND
"""
_APP_TOKENS = """
    SELECT id, tenant_id, integration_id, lookup_key, ciphertext FROM signing_secrets
    WHERE source = 'slack' AND kind = 'app_token' AND state = 'live'
"""
_QUERIES: dict[str, LiteralString] = {
    "lookup": _LIVE + "lookup_key = %s",
    "integration": _LIVE + "integration_id = %s::uuid",
    # A Slack app has one secret for all its teams, so a few of its rows recognise it.
    "slack_app": _LIVE + "lookup_key LIKE 'slack:' || %s || ':%%' LIMIT 20",
}

LookUp = Callable[[SecretKey], Awaitable[Sequence[Secret]]]


class StoredSecrets:
    """Asks Postgres."""

    def __init__(self, connection: SteadyConnection, ring: SigningKeyRing) -> None:
        self._connection = connection
        self._ring = ring

    async def look_up(self, key: SecretKey) -> Sequence[Secret]:
        """The live secrets of `key`.

        Raises:
            StoreUnavailable: Postgres does not answer, or none of those found opens under our keys.
        """

        async def query(connection: Connection) -> list[tuple[Any, ...]]:
            cursor = await connection.execute(_QUERIES[key.kind], (key.source, key.value))
            return await cursor.fetchall()

        rows = await self._connection.run(query)
        secrets = self._readable(rows)
        if rows and not secrets:
            raise StoreUnavailable("secret_unreadable")
        return secrets

    async def app_tokens(self) -> Sequence[Secret]:
        """The live Slack app-level tokens, one for each integration that uses Socket Mode.

        Raises:
            StoreUnavailable: Postgres does not answer.
        """

        async def query(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(_APP_TOKENS)).fetchall()

        return self._readable(await self._connection.run(query))

    def _readable(self, rows: list[tuple[Any, ...]]) -> list[Secret]:
        return [secret for secret in map(self._opened, rows) if secret is not None]

    def _opened(self, row: tuple[UUID, UUID, UUID, str, bytes]) -> Secret | None:
        row_id, tenant_id, integration_id, lookup_key, ciphertext = row
        try:
            value = self._ring.open(ciphertext, Place(tenant_id, "signing_secrets", row_id, "ciphertext"))
        except DecryptionFailed as error:
            _log.error("secret_unreadable", secret_id=str(row_id), reason=error.message)
            return None
        return Secret(value, tenant_id, integration_id, lookup_key)


class SecretCache:
    """Implements `Secrets` in front of a slower way to look them up."""

    def __init__(self, look_up: LookUp, *, keep_s: float = KEEP_S, kept_keys: int = KEPT_KEYS) -> None:
        self._look_up = look_up
        self._keep_s = keep_s
        self._kept_keys = kept_keys
        self._found: dict[SecretKey, tuple[float, Sequence[Secret]]] = {}
        self._missed: dict[SecretKey, tuple[float, Sequence[Secret]]] = {}
        self._running: dict[SecretKey, asyncio.Task[Sequence[Secret]]] = {}
        self._changes = 0

    async def find(self, key: SecretKey) -> Sequence[Secret]:
        """See `Secrets.find`."""
        kept = self._found.get(key) or self._missed.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        running = self._running.get(key)
        if running is None:
            if len(self._running) >= LOOKUPS_AT_ONCE:
                raise StoreUnavailable("overloaded")
            running = self._running[key] = asyncio.create_task(self._refresh(key))
        # Shielded: others may wait for the same lookup when this sender hangs up.
        return await asyncio.shield(running)

    def __len__(self) -> int:
        return len(self._found) + len(self._missed)

    def drop(self, lookup_key: str) -> None:
        """Forget whatever a change of the secrets under `lookup_key` could touch."""
        self._changes += 1
        for memory in (self._found, self._missed):
            for key in [key for key in memory if _touches(lookup_key, key)]:
                del memory[key]

    def drop_all(self) -> None:
        """Forget everything: changes may have gone unheard."""
        self._changes += 1
        self._found.clear()
        self._missed.clear()

    async def _refresh(self, key: SecretKey) -> Sequence[Secret]:
        changes = self._changes
        try:
            secrets = await self._look_up(key)
        finally:
            del self._running[key]
        self._found.pop(key, None)
        self._missed.pop(key, None)
        if changes == self._changes:  # Else the answer may be from before the change.
            memory = self._found if secrets else self._missed
            if len(memory) >= self._kept_keys:
                del memory[next(iter(memory))]
            memory[key] = (time.monotonic() + self._keep_s, secrets)
        return secrets


def _touches(lookup_key: str, key: SecretKey) -> bool:
    if key.kind == "lookup":
        return key.value == lookup_key
    # An announcement does not name the integration; there are few such entries.
    return key.kind == "integration" or lookup_key.startswith(f"slack:{key.value}:")


class SecretChanges:
    """Listens for announced changes, and tells those who keep secrets."""

    def __init__(
        self,
        connection: SteadyConnection,
        *,
        changed: Sequence[Callable[[str], None]],
        unheard: Sequence[Callable[[], None]],
    ) -> None:
        """`changed` gets a lookup key; `unheard` is called whenever announcements may have been missed.

        The deadline of `connection` must be longer than `LISTEN_ROUND_S`.
        """
        self._connection = connection
        self._changed = changed
        self._unheard = unheard
        self._listening = False
        self._task: asyncio.Task[None] | None = None

    @property
    def listening(self) -> bool:
        return self._listening

    def start(self) -> None:
        """Listen until closed."""
        self._task = asyncio.create_task(self._listen_for_ever(), name="secret changes")

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)
        await self._connection.close()

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._connection.run(self._listen)
            except StoreUnavailable:
                if self._listening:
                    _log.warning("secret_changes_unheard")
                self._listening = False
                await asyncio.sleep(RECONNECT_S)

    async def _listen(self, connection: Connection) -> None:
        # LISTEN again each round: it changes nothing, and proves that the server still answers.
        await connection.execute(f"LISTEN {CHANNEL}")
        if not self._listening:
            self._listening = True
            for forget in self._unheard:
                forget()
        async for notice in connection.notifies(timeout=LISTEN_ROUND_S):
            for tell in self._changed:
                tell(notice.payload)
