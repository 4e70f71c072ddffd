"""`python -m oblivion_ingestion` as a process: starts from the environment, refuses, drains."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest

from oblivion_ingestion.testing import SIGNING_KEY, World, message, slack_headers
from oblivion_platform.embedded.process import free_port
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


def environment(world: World, **overrides: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "OBLIVION_DATABASE_URL": world.database.url("oblivion_ingestion"),
        "OBLIVION_REDIS_URL": world.redis_url,
        "OBLIVION_SIGNING_KEY": SIGNING_KEY,
        "OBLIVION_HOST": "127.0.0.1",
        **overrides,
    }


@asynccontextmanager
async def process(env: dict[str, str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "oblivion_ingestion",
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def test_what_was_acknowledged_before_a_sigterm_is_committed(world: World) -> None:
    port = free_port()
    async with process(environment(world, PORT=str(port))) as child:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await eventually(lambda: is_ready(http), within_s=30)
            posts = [asyncio.create_task(post(http, number)) for number in range(300)]
            await eventually(lambda: any(task.done() for task in posts))
            child.send_signal(signal.SIGTERM)
            acknowledged = sum(await asyncio.gather(*posts))
        output, _ = await child.communicate()
        assert child.returncode == 0, output.decode()
    assert len(world.events()) >= acknowledged > 0
    assert b"hello" not in output


async def is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def post(http: httpx.AsyncClient, number: int) -> bool:
    body = httpx.Request("POST", "http://x", json=message(f"1.{number}")).content
    try:
        answer = await http.post("/webhooks/slack", content=body, headers=slack_headers(body))
    except httpx.TransportError:
        return False
    return answer.status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("OBLIVION_SIGNING_KEY", "", b"OBLIVION_SIGNING_KEY is not set"),
        ("OBLIVION_SIGNING_KEY", "short", b"OBLIVION_SIGNING_KEY"),
        ("OBLIVION_DATABASE_URL", "mysql://x", b"OBLIVION_DATABASE_URL is not a URL"),
    ],
)
async def test_bad_settings_end_the_process_with_a_sentence(
    world: World, name: str, value: str, sentence: bytes
) -> None:
    async with process(environment(world, **{name: value})) as child:
        output, _ = await child.communicate()
    assert child.returncode == 2
    assert sentence in output


async def test_a_superuser_ends_the_process_with_a_sentence(world: World) -> None:
    async with process(environment(world, OBLIVION_DATABASE_URL=world.database.admin_url)) as child:
        output, _ = await child.communicate()
    assert child.returncode == 2
    assert b"every tenant's rows" in output
