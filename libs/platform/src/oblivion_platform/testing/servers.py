"""A Postgres and a Redis for tests: the ones named by the environment, else Docker's, else embedded ones."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis

POSTGRES_VARIABLE = "OBLIVION_TEST_POSTGRES_URL"
REDIS_VARIABLE = "OBLIVION_TEST_REDIS_URL"
POSTGRES_IMAGE = "postgres:18"
REDIS_IMAGE = "valkey/valkey:9"
DOCKER_ANSWERS_WITHIN_S = 5


def docker_answers() -> bool:
    """Ask by Docker's command: its Python client leaks a socket when no daemon answers."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        asked = subprocess.run(  # noqa: S603 - a fixed command
            [docker, "version"], capture_output=True, check=False, timeout=DOCKER_ANSWERS_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


@contextmanager
def postgres_server() -> Generator[str]:
    """The URL of a superuser."""
    with ExitStack() as stack:
        if url := os.environ.get(POSTGRES_VARIABLE):
            yield url
        elif docker_answers():
            yield stack.enter_context(_docker_postgres())
        else:
            yield stack.enter_context(_embedded_postgres())


@contextmanager
def redis_server() -> Generator[str]:
    """The URL of a Redis whose database the tests may flush."""
    with ExitStack() as stack:
        if url := os.environ.get(REDIS_VARIABLE):
            yield url
        elif docker_answers():
            yield stack.enter_context(_docker_redis())
        else:
            yield stack.enter_context(_embedded_redis())


@contextmanager
def _docker_postgres() -> Generator[str]:
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(POSTGRES_IMAGE, driver=None)
    # Like the embedded one: a test database need not outlive a crash of the machine.
    with container.with_command("postgres -c fsync=off -c max_connections=200") as server:
        yield server.get_connection_url()


@contextmanager
def _docker_redis() -> Generator[str]:
    from testcontainers.community.redis import RedisContainer

    with RedisContainer(REDIS_IMAGE) as server:
        yield f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(6379)}/0"


@contextmanager
def _embedded_postgres() -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix="oblivion-postgres-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        try:
            yield asyncio.run(server.start())
        finally:
            asyncio.run(server.stop())


@contextmanager
def _embedded_redis() -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix="oblivion-redis-") as folder:
        server = EmbeddedRedis(Path(folder))
        try:
            yield asyncio.run(server.start())
        finally:
            asyncio.run(server.stop())
