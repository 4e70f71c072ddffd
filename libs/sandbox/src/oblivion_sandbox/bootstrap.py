"""The sandbox put together: the one module that constructs its parts."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end
from oblivion_sandbox.clickup.control import ClickUpControls
from oblivion_sandbox.clickup.rest import Rest
from oblivion_sandbox.clickup.service import ClickUp
from oblivion_sandbox.deliveries import SenderTuning
from oblivion_sandbox.github.rest import GitHub, GitHubRest
from oblivion_sandbox.live import Live
from oblivion_sandbox.llm.control import LlmControls
from oblivion_sandbox.llm.rest import LlmRest
from oblivion_sandbox.llm.service import Llm
from oblivion_sandbox.misbehave import Misbehaviour
from oblivion_sandbox.oauth.catalog import AuthorizationServers
from oblivion_sandbox.outgoing import Outgoing
from oblivion_sandbox.pages.clickup_page import ClickUpPage
from oblivion_sandbox.pages.shell import Shell
from oblivion_sandbox.pages.slack_page import SlackPage
from oblivion_sandbox.qdrant.rest import Qdrant, QdrantRest
from oblivion_sandbox.server import serving
from oblivion_sandbox.settings import SandboxSettings
from oblivion_sandbox.slack.control import SlackControls
from oblivion_sandbox.slack.seed import SlackDefaults
from oblivion_sandbox.slack.service import Slack
from oblivion_sandbox.slack.web_api import WebApi
from oblivion_sandbox.store import Store
from oblivion_sandbox.vendor.catalog import Vendors

_log = get_logger(__name__)


class Sandbox:
    """All stand-ins on one store."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._live = Live()
        self.store = Store(settings.state_dir / "sandbox.db")
        self.store.on_change(self._live.change)
        self._outgoing = Outgoing()
        misbehaviour = Misbehaviour(self.store)
        tuning = SenderTuning(settings.sandbox_retry_scale, settings.sandbox_deliveries_in_flight)
        public_url = settings.sandbox_base_url
        request_url = f"{public_url.rstrip('/')}/webhooks/slack" if public_url else None
        defaults = SlackDefaults(request_url, settings.sandbox_limits_scale, public_url)
        self.oauth = AuthorizationServers(self.store, misbehaviour, public_url)
        self.slack = Slack(
            self.store, misbehaviour, self._outgoing, defaults, tuning, self.oauth.grants("slack")
        )
        self.clickup = ClickUp(
            self.store, misbehaviour, self._outgoing, settings.sandbox_limits_scale, tuning
        )

        self.github = GitHub(self.store, misbehaviour)
        self.vendors = Vendors(self.store, misbehaviour, settings.sandbox_limits_scale, self.oauth)
        self.qdrant = Qdrant(self.store, misbehaviour, settings.state_dir / "qdrant")
        self.llm = Llm(self.store, misbehaviour, settings.sandbox_llm_chunk_seconds)

    def asgi(self) -> Starlette:
        """The web application; its lifespan runs the senders."""
        return Starlette(routes=self._routes(), lifespan=self._lifespan)

    def _routes(self) -> list[BaseRoute]:
        public_url = self._settings.sandbox_base_url
        shell = Shell()
        return [
            # Before what answers everything below its prefix.
            *self.oauth.routes(shell),
            *WebApi(self.slack, public_url).routes(),
            *self.slack.response_urls.routes(self._count_slack_call),
            *self.slack.files.routes(),
            *Rest(self.clickup, public_url).routes(),
            *LlmRest(self.llm).routes(),
            *GitHubRest(self.github, public_url).routes(),
            *QdrantRest(self.qdrant).routes(),
            *self.vendors.routes(public_url, shell),
            WebSocketRoute("/slack/link", self._link),
            *SlackPage(self.slack, self._live, shell).routes(),
            *ClickUpPage(self.clickup, self._live, shell).routes(),
            *SlackControls(self.slack).routes(),
            *ClickUpControls(self.clickup, public_url).routes(),
            *LlmControls(self.llm).routes(),
            *shell.static(),
            Route("/health/live", _alive),
            Route("/health/ready", _alive),
        ]

    async def end_streams(self) -> None:
        """Let go of the connections that would never end by themselves, so that the server can stop."""
        self._live.close()
        await self.slack.sockets.close()

    def _count_slack_call(self, name: str) -> None:
        self.slack.calls[name] += 1

    async def _link(self, socket: WebSocket) -> None:
        await self.slack.sockets.serve(socket, self.slack.app)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        async with self._outgoing:
            senders = [asyncio.create_task(self.slack.run()), asyncio.create_task(self.clickup.run())]
            try:
                yield
            finally:
                await end(*senders)
                self.qdrant.engine.close()
                self.store.close()


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok")


@contextlib.asynccontextmanager
async def running(settings: SandboxSettings) -> AsyncGenerator[str]:
    """Serve a sandbox until the block ends; gives the address that it listens on."""
    sandbox = Sandbox(settings)
    async with serving(sandbox.asgi(), settings.host, settings.port) as port:
        address = f"http://{settings.host}:{port}"
        _log.info("sandbox listens", address=address, state=str(settings.state_dir))
        if settings.sandbox_base_url is None:
            sandbox.slack.interactions.reached_at(address)
        try:
            yield address
        finally:
            await sandbox.end_streams()
