"""Hints about runs through Redis, and lines of the live feed: best effort, never the only delivery."""

from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_contracts.signals import RUNS_CHANNEL, RunChanged, TellAgent, gateway_channel
from oblivion_platform.feed import Teller
from oblivion_platform.logging import get_logger
from oblivion_platform.runs.feed_lines import line_of_change
from oblivion_platform.runs.records import Change

TIMEOUT_S = 1.0

_log = get_logger(__name__)


class RunSignals:
    """Publishes; to be called after the commit."""

    def __init__(self, redis_url: str, feed: Teller | None = None) -> None:
        self._feed = feed
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )

    async def changed(self, tenant_id: UUID, change: Change | None) -> None:
        """A run has a new step: for event streams and for what shows it in Slack."""
        if change is None:
            return
        if self._feed is not None:
            self._feed.tell(tenant_id, line_of_change(change))
        hint = RunChanged(
            tenant_id=tenant_id,
            run_id=change.run_id,
            sequence=change.sequence,
            is_final=change.is_final,
            is_quiet=change.is_quiet,
        )
        await self._publish(RUNS_CHANNEL, hint.model_dump_json())

    async def tell_agent(
        self, tenant_id: UUID, run_id: UUID, gateway: str | None, fence: int, what: str
    ) -> None:
        """The run's row holds something for its holder, whose socket is at `gateway`."""
        if gateway is None:
            return
        hint = TellAgent(tenant_id=tenant_id, run_id=run_id, fence=fence, what=what)
        await self._publish(gateway_channel(gateway), hint.model_dump_json())

    async def close(self) -> None:
        await self._redis.aclose()

    async def _publish(self, channel: str, message: str) -> None:
        try:
            await self._redis.publish(channel, message)  # pyright: ignore[reportUnknownMemberType]
        except (RedisError, OSError, TimeoutError) as error:
            _log.info("hint was not published", cause=type(error).__name__)
