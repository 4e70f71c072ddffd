"""A hub behind a transaction pooler, which passes no announcements on: it does not say that it hears any."""

import psycopg
import pytest
from pydantic import SecretStr

from oblivion_mcp_hub.bootstrap import running
from oblivion_mcp_hub.settings import Settings
from oblivion_platform.crypto import generate_key
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


async def test_behind_a_pooler_nobody_listens_and_health_says_so(database, redis_url):
    settings = Settings(
        database_url=SecretStr(database.url("oblivion_mcp_hub")),
        database_behind_pooler=True,
        redis_url=SecretStr(redis_url),
        master_key=SecretStr(generate_key()),
        host="127.0.0.1",
        port=0,
        public_url="http://localhost:8300",
    )
    async with running(settings) as service:
        await eventually(lambda: service.hub.health.phase == "ready")
        said = await service.hub.health.checks["postgres announcements"]()
        with psycopg.connect(database.admin_url) as admin:
            listeners = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'oblivion announcements' "
                "AND datname = current_database()"
            ).fetchone()
    assert (listeners, "behind a pooler" in said) == ((0,), True)
