"""A connected system of a test's own: database, Redis, sandbox, ingestion, and the environment of a verb."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.home import Home, HomeSecrets
from oblivion_cli.up.first_start import Addresses, connect_sandbox
from oblivion_ingestion.bootstrap import running
from oblivion_ingestion.settings import Settings as IngestionSettings
from oblivion_platform.crypto import generate_key
from oblivion_platform.database.engine import Database
from oblivion_platform.testing import FreshDatabase
from oblivion_sandbox.testing import RunningSandbox, running_sandbox


@dataclass
class System:
    """Where everything is, and how to change it behind the command line's back."""

    database: FreshDatabase
    redis_url: str
    sandbox: RunningSandbox
    public_url: str
    secrets: HomeSecrets
    home: Path

    @property
    def cli_url(self) -> str:
        return self.database.url("oblivion_cli")

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """As the superuser, past row-level security."""
        with psycopg.connect(self.database.admin_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def connect_sandbox(self, real_ones: frozenset[str] = frozenset()) -> None:
        """What every start of `oblivion up` does."""
        addresses = Addresses(self.cli_url, self.sandbox.base_url, self.public_url)
        home = Home(self.home)
        home.make()
        await connect_sandbox(addresses, self.secrets, real_ones, home)


@asynccontextmanager
async def _ingestion(database: FreshDatabase, redis_url: str, secrets: HomeSecrets) -> AsyncGenerator[str]:
    settings = IngestionSettings.model_validate(
        {
            "database_url": database.url("oblivion_ingestion"),
            "redis_url": redis_url,
            "signing_key": secrets.signing_key,
            "host": "127.0.0.1",
            "port": 0,
        }
    )
    async with running(settings) as ingestion:
        yield f"http://127.0.0.1:{ingestion.port}"


@pytest.fixture
async def system(
    database: FreshDatabase, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[System]:
    """A tenant `default` that is connected to the sandbox."""
    secrets = HomeSecrets(generate_key(), generate_key(), {})
    home = tmp_path / "home"
    async with (
        _ingestion(database, redis_url, secrets) as public_url,
        running_sandbox(tmp_path / "sandbox") as sandbox,
    ):
        made = System(database, redis_url, sandbox, public_url, secrets, home)
        for name, value in {
            "HOME": str(home),
            "DATABASE_URL": made.cli_url,
            "REDIS_URL": redis_url,
            "MASTER_KEY": secrets.master_key,
            "SIGNING_KEY": secrets.signing_key,
            "SLACK_API_URL": sandbox.slack_api_url,
            "CLICKUP_API_URL": sandbox.clickup_api_url,
            "PUBLIC_URL": public_url,
        }.items():
            monkeypatch.setenv(f"OBLIVION_{name}", value)
        monkeypatch.delenv("OBLIVION_TENANT", raising=False)
        await made.connect_sandbox()
        yield made


@pytest.fixture
async def admin(system: System) -> AsyncIterator[Admin]:
    async with open_admin(None) as opened:
        yield opened


@pytest.fixture
async def cli_database(system: System) -> AsyncIterator[Database]:
    database = Database.connect(system.cli_url, pool_size=2)
    yield database
    await database.close()
