"""The health routes over a real socket, and the server that carries them."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.health import Health, Phase, health_routes
from oblivion_platform.http_server import serving

pytestmark = pytest.mark.integration


@pytest.fixture
def health() -> Health:
    return Health(details_token=SecretStr("the-token"))


@pytest.fixture
async def client(health: Health) -> AsyncGenerator[httpx.AsyncClient]:
    app = Starlette(routes=health_routes(health))
    async with (
        serving(app, host="127.0.0.1", port=0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def test_ready_follows_the_phases_of_life(health: Health, client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/ready")).status_code == 503
    health.phase = Phase.READY
    assert (await client.get("/health/ready")).status_code == 200
    health.phase = Phase.DRAINING
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert (await client.get("/health/live")).status_code == 200


async def test_live_needs_every_proof_of_life(health: Health, client: httpx.AsyncClient) -> None:
    consuming = True
    health.proofs_of_life["webhook-processing"] = lambda: consuming
    assert (await client.get("/health/live")).status_code == 200
    consuming = False
    answer = await client.get("/health/live")
    assert answer.status_code == 503
    assert "webhook-processing" in answer.json()["detail"]


async def test_an_absent_dependency_leaves_the_process_ready_and_live(
    health: Health, client: httpx.AsyncClient
) -> None:
    async def away() -> None:
        raise DependencyUnavailable("redis_unavailable", "Redis does not answer.")

    health.checks["redis"] = away
    health.phase = Phase.READY
    assert (await client.get("/health/ready")).status_code == 200
    assert (await client.get("/health/live")).status_code == 200


async def test_details_name_each_dependency_to_holders_of_the_token(
    health: Health, client: httpx.AsyncClient
) -> None:
    async def well() -> str:
        return "18.1"

    async def away() -> None:
        raise DependencyUnavailable("redis_unavailable", "Redis does not answer.")

    async def broken() -> None:
        raise ValueError("canary")

    async def silent() -> None:
        await asyncio.Event().wait()

    health.checks.update(postgres=well, redis=away, slack=broken, clickup=silent)
    answer = await client.get("/health/details", headers={"Authorization": "Bearer the-token"})
    dependencies = answer.json()["dependencies"]
    assert dependencies["postgres"]["ok"] is True
    assert dependencies["postgres"]["detail"] == "18.1"
    assert dependencies["redis"]["detail"] == "redis_unavailable: Redis does not answer."
    assert dependencies["slack"]["detail"] == "ValueError"
    assert dependencies["clickup"]["detail"] == "no answer within 2 s"
    assert "canary" not in answer.text


@pytest.mark.parametrize("given", [None, "", "Bearer wrong", "the-token", "Bearer ключ"])
async def test_details_are_refused_without_the_token(given: str | None, client: httpx.AsyncClient) -> None:
    headers = {} if given is None else {"Authorization": given.encode()}
    answer = await client.get("/health/details", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_rejected")


async def test_details_are_off_when_no_token_is_set(health: Health, client: httpx.AsyncClient) -> None:
    health.details_token = None
    answer = await client.get("/health/details", headers={"Authorization": "Bearer None"})
    assert answer.status_code == 404


async def test_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info" in answer.text


async def test_a_request_that_runs_is_finished_before_the_server_ends() -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        entered.set()
        await go_on.wait()
        return PlainTextResponse("finished")

    async with httpx.AsyncClient() as client:
        async with serving(Starlette(routes=[Route("/", slow)]), host="127.0.0.1", port=0) as port:
            request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
            await entered.wait()
            asyncio.get_running_loop().call_later(0.05, go_on.set)
        assert (await request).text == "finished"


async def test_a_taken_port_is_an_error_at_once() -> None:
    app = Starlette()
    async with serving(app, host="127.0.0.1", port=0) as port:
        with pytest.raises(OSError, match="in use"):
            async with serving(app, host="127.0.0.1", port=port):
                pytest.fail("two servers on one port")


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(("host", "authority"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
async def test_answers_leave_without_waiting_for_more(host: str, authority: str) -> None:
    """TCP_NODELAY is set on each connection, whichever loop runs."""
    if host == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        connection = cast("Any", receive).__self__.transport.get_extra_info("socket")
        nodelay = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await PlainTextResponse("at once" if nodelay else "later")(scope, receive, send)

    async with (
        serving(Starlette(routes=[Mount("/", app)]), host=host, port=0) as port,
        httpx.AsyncClient() as client,
    ):
        assert (await client.get(f"http://{authority}:{port}/")).text == "at once"
