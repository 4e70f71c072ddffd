"""Tenants stay apart behind a transaction pooler that gives all of them the same server connection."""

import asyncio
import os
import shutil
import subprocess
import uuid
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from oblivion_platform.database.engine import Database
from oblivion_platform.embedded.process import free_port
from oblivion_platform.testing.databases import FreshDatabase, password_of

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ROLE = "oblivion_router_worker"
TENANTS = [uuid.uuid4() for _ in range(4)]

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None, reason="needs PgBouncer: apt-get install pgbouncer, or brew install pgbouncer"
)


@pytest.fixture
def pooled_url(database: FreshDatabase, tmp_path: Path) -> Generator[str]:
    """The service role's URL through a PgBouncer whose pool is a single server connection."""
    url = make_url(database.url(ROLE))
    port = free_port()
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        "[databases]\n"
        f"* = host={url.host} port={url.port} user={ROLE} password={password_of(ROLE)}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 1\nserver_tls_sslmode = disable\n"
    )
    tmp_path.chmod(0o755)
    # PgBouncer refuses to run as root, and reads its file before it gives root up.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    pooler = subprocess.Popen([str(PGBOUNCER), "-q", *user, str(config)], stderr=subprocess.DEVNULL)
    try:
        yield url.set(port=port).render_as_string(hide_password=False)
    finally:
        pooler.terminate()
        pooler.wait(timeout=10)


def give_each_tenant_a_user(database: FreshDatabase) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        for tenant in TENANTS:
            admin.execute(
                "INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (tenant, tenant.hex[:12])
            )
            admin.execute("INSERT INTO users (id, tenant_id, name) VALUES (%s, %s, 'Ana')", (tenant, tenant))


async def test_interleaved_tenants_share_a_connection_and_never_a_row(
    database: FreshDatabase, pooled_url: str
) -> None:
    give_each_tenant_a_user(database)
    pooled = Database.connect(pooled_url, pool_size=8, behind_pooler=True)
    await pooled.wait_until_usable(poll_s=0.05)

    async def visible_to(tenant: uuid.UUID) -> list[uuid.UUID]:
        async with pooled.tenant(tenant) as tx:
            return [row.tenant_id for row in await tx.execute(text("SELECT tenant_id FROM users"))]

    async def visible_to_nobody() -> list[uuid.UUID]:
        async with pooled.shared() as tx:
            return [row.tenant_id for row in await tx.execute(text("SELECT tenant_id FROM users"))]

    for _ in range(10):
        seen = await asyncio.gather(*map(visible_to, TENANTS), visible_to_nobody())
        assert seen == [*([tenant] for tenant in TENANTS), []]

    async with pooled.shared() as tx:
        servers = await tx.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        )
        assert servers.scalar() == 1, "the pooler must have shared one server connection"
    await pooled.close()
