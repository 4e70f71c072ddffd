"""The composition root: the only module that constructs adapters."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from oblivion_gateway.adapters.agent_tokens import AgentTokens
from oblivion_gateway.adapters.people import PostgresPeople
from oblivion_gateway.adapters.rate_limits import RedisRateLimits
from oblivion_gateway.rest_bootstrap import RestGateway, RestParts
from oblivion_gateway.settings import Settings
from oblivion_gateway.socket_bootstrap import AgentGateway, SocketParts
from oblivion_gateway.sockets.feed import FeedNamespace
from oblivion_gateway.usecases.authenticate import Authenticate
from oblivion_gateway.usecases.follow_feed import FeedTerms, FollowFeed
from oblivion_gateway.usecases.limit_requests import LimitRequests, PerMinute
from oblivion_platform import agents, tokens
from oblivion_platform.database.announcements import Announcements
from oblivion_platform.database.engine import Database
from oblivion_platform.database.start import StartWhenUsable
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed import Feed, FeedReader
from oblivion_platform.health import Health, Phase
from oblivion_platform.http_server import serving


class Gateway:
    """Everything that runs in one gateway process but the HTTP server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.health = Health(details_token=settings.health_token)
        self.database = Database.connect(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            behind_pooler=settings.database_behind_pooler,
        )
        self.feed = Feed(settings.redis_url.get_secret_value(), "gateway")
        self._start = StartWhenUsable(self.database, self.health, self._begin)
        self._build_identity()
        self._build_limits()
        self._build_sockets()
        self._build_rest()
        self._watch_health()

    def _build_identity(self) -> None:
        settings, master_keys = self.settings, self.settings.master_key_ring()
        self.hasher = agents.SecretHasher(master_keys)
        self.agent_directory = agents.AgentDirectory(self.database)
        self.token_keys = tokens.TokenKeys(self.database, master_keys)
        self.tokens = tokens.Tokens(self.token_keys, settings.public_url.rstrip("/"))
        self.authenticate = Authenticate(self.tokens, self.agent_directory, PostgresPeople(self.database))
        self.agent_tokens = AgentTokens(self.authenticate, self.tokens)
        self.announcements = Announcements(
            settings.database_url.get_secret_value(), behind_pooler=settings.database_behind_pooler
        )
        for channel, cache in (
            (agents.CHANNEL, self.agent_directory),
            (tokens.CHANNEL, self.token_keys),
        ):
            self.announcements.hear(channel, changed=cache.drop, unheard=cache.drop_all)
        self.announcements.hear(
            agents.MUTES_CHANNEL, changed=self.agent_directory.forget, unheard=lambda: None
        )

    def _build_limits(self) -> None:
        settings = self.settings
        self.rate_limits = RedisRateLimits(settings.redis_url.get_secret_value())
        self.per_minute = PerMinute(
            user=settings.user_requests_per_minute,
            tenant=settings.tenant_requests_per_minute,
            address=settings.address_requests_per_minute,
        )
        self.limits = LimitRequests(self.rate_limits, self.per_minute)

    def _build_rest(self) -> None:
        parts = RestParts(
            database=self.database,
            directory=self.agent_directory,
            hasher=self.hasher,
            token_keys=self.token_keys,
            tokens=self.tokens,
            authenticate=self.authenticate,
            limits=self.limits,
            per_minute=self.per_minute,
            feed=self.feed,
            breakers=self.feed_reader,
            history=self.agent_gateway.history,
        )
        self.rest = RestGateway(self.settings, parts)
        self.app: ASGIApp = self.rest.application(self.health)

    def _build_sockets(self) -> None:
        parts = SocketParts(
            database=self.database,
            directory=self.agent_directory,
            verifier=self.agent_tokens,
            run_tokens=self.agent_tokens,
            feed=self.feed,
            own_origins=self.settings.own_origins,
            limits=self.limits,
            proxies_in_front=self.settings.proxies_in_front,
        )
        self.agent_gateway = AgentGateway(self.settings, parts)
        self._build_feed()

    def _build_feed(self) -> None:
        settings = self.settings
        self.feed_reader = FeedReader(settings.redis_url.get_secret_value())
        terms = FeedTerms(
            settings.own_origins,
            settings.feed_recheck_s,
            of_caller_max=settings.sse_streams_max,
            of_tenant_max=settings.tenant_feeds_max,
        )
        follow = FollowFeed(self.feed_reader, self.authenticate, self.authenticate.still, self.limits, terms)
        self.feed_sockets = FeedNamespace(self.agent_gateway.server, follow)

    async def start(self) -> None:
        """Begin to work as soon as Postgres is usable; until then requests are answered 503.

        Raises:
            CannotStart: Postgres is there, and our role in it could see past row-level security.
        """
        await self._start.start()

    async def close(self) -> None:
        """Stop what runs beside the requests, and disconnect."""
        await self._start.close()
        await self.agent_gateway.close()
        await self.feed_reader.close()
        await self.announcements.close()
        await self.rest.close()
        await self.rate_limits.close()
        await self.feed.close()
        await self.database.close()

    def _begin(self) -> None:
        self.announcements.start()
        self.agent_gateway.start()
        self.rest.start()

    def _watch_health(self) -> None:
        self.health.proofs_of_life["agents' sockets"] = self.agent_gateway.is_alive
        self.health.checks["redis hints"] = self.agent_gateway.check_hints
        self.health.checks["postgres"] = self._check_postgres
        self.health.checks["postgres announcements"] = self._check_announcements

    async def _check_postgres(self) -> str:
        await self.database.check_schema()
        return "connected"

    async def _check_announcements(self) -> str:
        if not self.announcements.listening:
            raise DependencyUnavailable("announcements_unheard", "Changes of agents and keys are heard late.")
        return "listening"


class RunningGateway:
    """A started service and the port it listens on."""

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        self.port = port


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[RunningGateway]:
    """Serve until the block ends, then drain: no new requests, those that run finished, everything closed."""
    gateway = Gateway(settings)
    app = gateway.agent_gateway.wrap(gateway.app)
    try:
        await gateway.start()
        async with serving(
            app,
            host=settings.host,
            port=settings.port,
            drain_timeout_s=settings.drain_timeout_s,
            websocket_pings=False,
        ) as port:
            try:
                yield RunningGateway(gateway, port)
            finally:
                gateway.health.phase = Phase.DRAINING
                gateway.rest.drain()
                await gateway.feed_sockets.close()
                await gateway.agent_gateway.drain()
    finally:
        await gateway.close()
