"""What the settings make of each other."""

import pytest
from pydantic import ValidationError

from oblivion_platform.crypto import generate_key
from oblivion_router_worker.settings import RESERVED_CONNECTIONS, Settings


def settings(**changes):
    needed = {
        "database_url": "postgresql://role:word@localhost/oblivion",
        "redis_url": "redis://localhost:6379/0",
        "master_key": generate_key(),
        "signing_key": generate_key(),
    }
    return Settings(**(needed | changes))


@pytest.mark.parametrize(
    ("changes", "pages"),
    [
        ({}, "https://app.clickup.com"),
        ({"clickup_api_url": "http://127.0.0.1:8300/clickup/api/v2"}, "http://127.0.0.1:8300/clickup"),
        ({"clickup_app_url": "https://tasks.example.com"}, "https://tasks.example.com"),
    ],
)
def test_pages_of_clickup_follow_from_its_api_unless_they_are_named(changes, pages):
    assert settings(**changes).clickup_pages_url() == pages


def test_the_pool_is_larger_than_what_deciding_holds():
    assert settings().database_pool_size >= settings().worker_concurrency + RESERVED_CONNECTIONS
    assert settings(database_pool_size=14, worker_concurrency=5, run_concurrency=5).worker_concurrency == 5
    with pytest.raises(ValidationError, match="OBLIVION_DATABASE_POOL_SIZE must be at least 14"):
        settings(database_pool_size=13, worker_concurrency=5, run_concurrency=5)
