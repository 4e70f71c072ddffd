"""A PgBouncer in transaction mode, all of whose clients share a single server connection."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from oblivion_platform.embedded.process import free_port
from oblivion_platform.testing.databases import FreshDatabase, password_of

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

needs_pooler = pytest.mark.skipif(
    PGBOUNCER is None, reason="needs PgBouncer: apt-get install pgbouncer, or brew install pgbouncer"
)


@contextmanager
def transaction_pooler(database: FreshDatabase, role: str, folder: Path) -> Generator[str]:
    """The URL under which `role` reaches `database` through it; its configuration stands in `folder`."""
    url = make_url(database.url(role))
    port = free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(
        "[databases]\n"
        f"* = host={url.host} port={url.port} user={role} password={password_of(role)}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 1\nserver_tls_sslmode = disable\n"
    )
    folder.chmod(0o755)
    # PgBouncer refuses to run as root, and reads its file before it gives root up.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [str(PGBOUNCER), "-q", *user, str(config)]
    pooler = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - a fixed command
    try:
        yield url.set(port=port).render_as_string(hide_password=False)
    finally:
        pooler.terminate()
        pooler.wait(timeout=10)
