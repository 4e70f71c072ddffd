"""pytest fixtures: servers for the whole run, a fresh database and an empty Redis for each test.

Registered by the root conftest.py. The fixtures are synchronous, so tests of any event loop can use them.
"""

from collections.abc import Iterator

import pytest
import redis

from oblivion_platform.testing.databases import FreshDatabase, copy_of, template_database
from oblivion_platform.testing.servers import postgres_server, redis_server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The superuser's URL of a Postgres that serves the whole run."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    with template_database(postgres_url) as name:
        yield name


@pytest.fixture
def database(migrated_template: str, postgres_url: str) -> Iterator[FreshDatabase]:
    """A migrated, empty database for this test alone: `database.url("oblivion_ingestion")`, `.owner_url`."""
    with copy_of(migrated_template, postgres_url) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def module_database(migrated_template: str, postgres_url: str) -> Iterator[FreshDatabase]:
    """Like `database`, shared by the tests of one module."""
    with copy_of(migrated_template, postgres_url) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """A Redis that is empty when the test begins."""
    with redis.Redis.from_url(redis_server_url) as client:  # pyright: ignore[reportUnknownMemberType]
        client.flushdb()  # pyright: ignore[reportUnknownMemberType]
    return redis_server_url
