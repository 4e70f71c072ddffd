"""Hints about runs, as Redis publishes them; what it loses the sweep finds."""

import asyncio
from typing import Any, Protocol, cast
from uuid import UUID

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from oblivion_contracts.signals import RUNS_CHANNEL, RunChanged
from oblivion_platform.logging import get_logger

PING_EVERY_S = 5.0
RECONNECT_S = 0.5

_log = get_logger(__name__)


class Hint(Protocol):
    def __call__(self, tenant_id: UUID, run_id: UUID, /, *, is_quiet: bool) -> None: ...


class RunHints:
    """Listens for as long as it runs; a connection that does not answer a ping is made anew."""

    def __init__(self, redis_url: str, heard: Hint) -> None:
        self._url = redis_url
        self._heard = heard

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
                self._url, socket_timeout=PING_EVERY_S * 2, socket_connect_timeout=2.0
            )
            try:
                await self._listen(client)
            except (RedisError, OSError, TimeoutError) as error:
                _log.info("run hints are away", cause=type(error).__name__)
            finally:
                await client.aclose()
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self, client: Any) -> None:
        pubsub = client.pubsub()
        await pubsub.subscribe(RUNS_CHANNEL)
        answered = True
        while True:
            message = await pubsub.get_message(timeout=PING_EVERY_S)
            if message is None:
                if not answered:
                    raise TimeoutError
                answered = False
                await pubsub.ping()
            else:
                answered = True
                self._take(cast("dict[str, Any]", message))

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") != "message":
            return
        try:
            hint = RunChanged.model_validate_json(message["data"])
        except ValidationError:
            return
        self._heard(hint.tenant_id, hint.run_id, is_quiet=hint.is_quiet)
