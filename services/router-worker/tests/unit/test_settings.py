"""What the settings make of each other."""

import pytest

from oblivion_platform.crypto import generate_key
from oblivion_router_worker.settings import Settings


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
