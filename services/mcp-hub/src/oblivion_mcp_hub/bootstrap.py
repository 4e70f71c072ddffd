"""The composition root: the only module that constructs adapters."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from oblivion_mcp_hub.adapters.cancellations import RedisCancellations
from oblivion_mcp_hub.adapters.guarded_http import AddressGuard
from oblivion_mcp_hub.adapters.ledger import PostgresLedger
from oblivion_mcp_hub.adapters.noted_uses import NotedUses
from oblivion_mcp_hub.adapters.notices import RunNotices
from oblivion_mcp_hub.adapters.oauth_credentials import Credentials
from oblivion_mcp_hub.adapters.oauth_http import OAuthHttp
from oblivion_mcp_hub.adapters.oauth_vendors import VendorSites
from oblivion_mcp_hub.adapters.people import PostgresPeople
from oblivion_mcp_hub.adapters.protocol_sessions import RedisProtocolSessions
from oblivion_mcp_hub.adapters.registry import PostgresRegistry
from oblivion_mcp_hub.adapters.registry_copy import CopiedRegistry
from oblivion_mcp_hub.adapters.stream_events import RedisStreamEvents
from oblivion_mcp_hub.adapters.tool_servers import OpenToolServers, ServerTerms
from oblivion_mcp_hub.adapters.used_credentials import UsedCredentials
from oblivion_mcp_hub.providers import PROVIDERS
from oblivion_mcp_hub.routes.application import make_application
from oblivion_mcp_hub.routes.connections import ConnectionRoutes
from oblivion_mcp_hub.routes.discovery import discovery_routes
from oblivion_mcp_hub.routes.mcp import McpEndpoint
from oblivion_mcp_hub.routes.mcp_handlers import UseCases
from oblivion_mcp_hub.routes.oauth import OAuthRoutes
from oblivion_mcp_hub.routes.openapi import document_route
from oblivion_mcp_hub.settings import Settings
from oblivion_mcp_hub.usecases.authenticate import Authenticate
from oblivion_mcp_hub.usecases.call_tools import CallTerms, CallTools
from oblivion_mcp_hub.usecases.changes import Changes
from oblivion_mcp_hub.usecases.know_tools import KnowTools, ListingTerms
from oblivion_mcp_hub.usecases.limit_requests import LimitRequests, PerMinute
from oblivion_mcp_hub.usecases.manage_connections import ManageConnections
from oblivion_mcp_hub.usecases.oauth_sign_ins import Outside, SignIns, Stores
from oblivion_mcp_hub.usecases.oauth_tokens import OAuthTokens
from oblivion_mcp_hub.usecases.tell_calls import TellCalls
from oblivion_mcp_hub.usecases.use_resources import UseResources
from oblivion_platform import agents, connections, tokens
from oblivion_platform.database.announcements import Announcements
from oblivion_platform.database.engine import Database
from oblivion_platform.database.start import StartWhenUsable
from oblivion_platform.door import own_origins
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed import Feed, telling_breakers
from oblivion_platform.health import Health, Phase
from oblivion_platform.http_server import serving
from oblivion_platform.resilience import Breakers, Budget
from oblivion_platform.runs import RunSignals


class Hub:
    """Everything that runs in one hub process but the HTTP server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.health = Health(details_token=settings.health_token)
        self.database = Database.connect(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            behind_pooler=settings.database_behind_pooler,
            spares_one=True,
        )
        self.announcements = Announcements(
            settings.database_url.get_secret_value(), behind_pooler=settings.database_behind_pooler
        )
        self.sessions = RedisProtocolSessions(settings.redis_url.get_secret_value())
        self.stream_events = RedisStreamEvents(settings.redis_url.get_secret_value())
        self.cancellations = RedisCancellations(settings.redis_url.get_secret_value())
        self.budget = Budget(settings.redis_url.get_secret_value())
        self.guard = AddressGuard(settings.allowed_networks)
        self.changes = Changes()
        self.feed = Feed(settings.redis_url.get_secret_value(), "mcp-hub")
        self.breakers = Breakers(open_s=settings.tool_server_retry_s, changed=telling_breakers(self.feed))
        self._start = StartWhenUsable(self.database, self.health, self._begin)
        self._build_identity()
        self._build_tools()
        self._build_application()
        self._watch_health()
        # It logs what servers say, in full.
        logging.getLogger("mcp").setLevel(logging.CRITICAL)

    def _build_identity(self) -> None:
        keys = tokens.TokenKeys(self.database, self.settings.master_key_ring())
        self.tokens = tokens.Tokens(keys, self.settings.public_url.rstrip("/"))
        self.agents = agents.AgentDirectory(self.database)
        self.authenticate = Authenticate(self.tokens, self.agents, PostgresPeople(self.database))
        for channel, cache in ((agents.CHANNEL, self.agents), (tokens.CHANNEL, keys)):
            self.announcements.hear(channel, changed=cache.drop, unheard=cache.drop_all)
        forget = self.authenticate.forget_tokens
        self.announcements.hear(tokens.CHANNEL, changed=forget, unheard=forget)

    def _build_tools(self) -> None:
        settings = self.settings
        registry = PostgresRegistry(self.database, settings.master_key_ring())
        urls = {name: settings.provider_url(name) for name in PROVIDERS}
        self.servers = OpenToolServers(
            self._credentials(registry),
            self.guard,
            PROVIDERS,
            {name: url for name, url in urls.items() if url is not None},
            ServerTerms(settings.tool_call_timeout_s, settings.tool_result_max_bytes),
            settings.stdio_servers,
        )
        self.copied_registry = CopiedRegistry(registry, settings.redis_url.get_secret_value())
        self.uses = NotedUses(self.database)
        self.known = KnowTools(
            self.copied_registry,
            self.servers,
            self.breakers,
            self.changes,
            self.uses,
            ListingTerms(
                settings.tool_list_timeout_s, settings.tool_list_keep_s, settings.tool_server_retry_s
            ),
        )
        self.ledger = PostgresLedger(self.database, self.agents)
        signals = RunSignals(settings.redis_url.get_secret_value(), self.feed)
        self.notices = RunNotices(self.database, signals)
        terms = CallTerms(settings.tool_call_timeout_s, settings.tool_result_max_bytes)
        self.tools = CallTools(
            self.known,
            self.servers,
            self.ledger,
            self.notices,
            self.breakers,
            TellCalls(self.feed),
            terms,
        )
        self.resources = UseResources(
            self.known,
            self.servers,
            self.ledger,
            self.uses,
            self.breakers,
            terms,
        )
        self.servers.hear(self.known.server_changed)
        self.announcements.hear(connections.CHANNEL, changed=self.known.drop, unheard=self.known.drop_all)

    def _credentials(self, registry: PostgresRegistry) -> Credentials:
        """What connections prove themselves with."""
        keys, public_url = self.settings.master_key_ring(), self.settings.public_url.rstrip("/")
        self.authorization_servers = OAuthHttp(self.guard, public_url)
        self.sign_in_tokens = OAuthTokens(self.database, keys, self.authorization_servers)
        signing = tokens.TokenKeys(self.database, keys, purpose="identity")
        self.announcements.hear(tokens.CHANNEL, changed=signing.drop, unheard=signing.drop_all)
        self.used_credentials = UsedCredentials(self.database)
        identities = tokens.Tokens(signing, public_url)
        return Credentials(registry, self.sign_in_tokens, identities, self.used_credentials)

    def _sign_ins(self) -> SignIns:
        settings, public_url = self.settings, self.settings.public_url.rstrip("/")
        sites = VendorSites(settings.atlassian_api_url)
        outside = Outside(self.authorization_servers, sites, settings.sign_in_addresses, public_url)
        stores = Stores(self.database, settings.master_key_ring())
        return SignIns(stores, outside, PostgresPeople(self.database), self.known)

    def _build_application(self) -> None:
        settings, public_url = self.settings, self.settings.public_url.rstrip("/")
        manage = ManageConnections(
            self.database,
            settings.master_key_ring(),
            self.known,
            self.servers,
            PROVIDERS,
            self.guard,
            settings.tool_list_timeout_s,
            settings.stdio_servers,
        )
        mcp = McpEndpoint(
            self.authenticate,
            LimitRequests(
                self.budget,
                PerMinute(settings.mcp_caller_requests_per_minute, settings.mcp_tenant_requests_per_minute),
            ),
            UseCases(self.tools, self.resources, self.known, self.changes, self.sessions),
            self.stream_events,
            self.cancellations,
            public_url,
            own_origins(public_url),
            settings.tool_call_timeout_s,
        )
        self._cancel_here = mcp.session_era.cancel_here
        sign_ins = self._sign_ins()
        routes = [
            document_route(),
            *discovery_routes(public_url),
            *ConnectionRoutes(self.authenticate, manage, sign_ins, own_origins(public_url)).routes(),
            *OAuthRoutes(self.authenticate, sign_ins).routes(),
        ]
        self.app = make_application(mcp, routes, self.health)

    async def start(self) -> None:
        """Begin to work as soon as Postgres is usable; until then requests are answered 503.

        Raises:
            CannotStart: Postgres is there, and our role in it could see past row-level security.
        """
        await self._start.start()

    async def close(self) -> None:
        """Let go of every tool server, and disconnect."""
        await self._start.close()
        await self.announcements.close()
        await self.known.close()
        await self.servers.close()
        await self.sign_in_tokens.close()
        await self.ledger.close()
        await self.uses.close()
        await self.used_credentials.close()
        await self.cancellations.close()
        await self.stream_events.close()
        await self.sessions.aclose()
        await self.budget.close()
        await self.copied_registry.close()
        await self.notices.close()
        await self.feed.close()
        await self.database.close()

    def _begin(self) -> None:
        self.announcements.start()
        self.cancellations.start(self._cancel_here)

    def _watch_health(self) -> None:
        self.health.checks["redis sessions"] = self.sessions.check
        self.health.checks["postgres"] = self._check_postgres
        self.health.checks["postgres announcements"] = self._check_announcements

    async def _check_postgres(self) -> str:
        await self.database.check_schema()
        return "connected"

    async def _check_announcements(self) -> str:
        if self.settings.database_behind_pooler:
            return "not listened to, behind a pooler: changes are seen when what is kept grows old"
        if not self.announcements.listening:
            raise DependencyUnavailable("announcements_unheard", "Changes of connections are heard late.")
        return "listening"


class RunningHub:
    """A started service and the port it listens on."""

    def __init__(self, hub: Hub, port: int) -> None:
        self.hub = hub
        self.port = port


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[RunningHub]:
    """Serve until the block ends, then drain: no new requests, those that run finished, everything closed."""
    hub = Hub(settings)
    try:
        await hub.start()
        async with serving(
            hub.app, host=settings.host, port=settings.port, drain_timeout_s=settings.drain_timeout_s
        ) as port:
            try:
                yield RunningHub(hub, port)
            finally:
                hub.health.phase = Phase.DRAINING
                hub.changes.end()
    finally:
        await hub.close()
