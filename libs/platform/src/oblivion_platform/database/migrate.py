"""Applies the Alembic migrations, one process at a time.

    python -m oblivion_platform.database.migrate [upgrade|downgrade] [revision]

Connects as the owner role (`OBLIVION_DATABASE_URL`). A session advisory lock makes concurrent
runs wait for each other, so a Job that is started twice does its work once.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    # Every service imports this module for HEAD; only a migration needs Alembic, which takes long to import.
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x0B11_0002

HEAD = "0013"
"""The revision that this version of the code needs; a test compares it with the newest migration."""


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; running it again changes nothing."""
    from alembic import command

    _run(owner_url, lambda config: command.upgrade(config, revision))


def downgrade(owner_url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`. Rows of tables that vanish are lost."""
    from alembic import command

    _run(owner_url, lambda config: command.downgrade(config, revision))


def sqlalchemy_url(url: str) -> str:
    """`postgresql://` as users write it, with the driver that we use (`postgresql+psycopg://`)."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _run(owner_url: str, migrate: Callable[["Config"], object]) -> None:
    from alembic.config import Config

    engine = create_engine(sqlalchemy_url(owner_url))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
            config.attributes["connection"] = connection
            migrate(config)
            connection.commit()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
    finally:
        engine.dispose()


def main() -> int:
    """Exit code 2 when the command line or the environment is unusable."""
    verb, *rest = sys.argv[1:] or ["upgrade"]
    url = os.environ.get("OBLIVION_DATABASE_URL")
    if not url or verb not in {"upgrade", "downgrade"}:
        sys.stderr.write("set OBLIVION_DATABASE_URL to the owner's URL and say upgrade or downgrade\n")
        return 2
    (upgrade if verb == "upgrade" else downgrade)(url, *rest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
