"""Postgres and Redis."""

import redis.asyncio
from redis.exceptions import RedisError
from sqlalchemy import text

from oblivion_cli.doctor.finding import Finding, failed, ok, warning
from oblivion_cli.doctor.patient import Patient
from oblivion_platform.database.engine import PrivilegedRole, SchemaBehind
from oblivion_platform.errors import DependencyUnavailable

REDIS_TIMEOUT_S = 3
KEEPS_ALL = "noeviction"


class PostgresAnswers:
    name = "postgres"

    async def run(self, patient: Patient) -> list[Finding]:
        try:
            async with patient.database.shared() as tx:
                version = (await tx.execute(text("SHOW server_version"))).scalar_one()
                read_only = (await tx.execute(text("SHOW transaction_read_only"))).scalar_one()
        except DependencyUnavailable as away:
            return failed(
                f"{away.message}.",
                "Start it (`oblivion up`), or check OBLIVION_DATABASE_URL and its password.",
            )
        if read_only == "on":
            return failed(
                "Postgres is read-only: nothing can be stored, so webhooks get 503.",
                "Point OBLIVION_DATABASE_URL at the primary, or switch default_transaction_read_only off; "
                "a full disk makes servers read-only too.",
            )
        return ok(f"Postgres {version} answers and can be written.")


class PostgresRole:
    name = "database role"

    async def run(self, patient: Patient) -> list[Finding]:
        try:
            await patient.database.refuse_privileged_role()
        except PrivilegedRole as error:
            return failed(
                f"{str(error).partition(';')[0]}.", "Use the role oblivion_cli in OBLIVION_DATABASE_URL."
            )
        return ok("The database role is bound by row-level security.")


class Schema:
    name = "schema"

    async def run(self, patient: Patient) -> list[Finding]:
        try:
            await patient.database.check_schema()
        except SchemaBehind as behind:
            return failed(
                f"Migrations are behind: the {behind}.",
                "Run `python -m oblivion_platform.database.migrate` as the owner, or restart `oblivion up`.",
            )
        return ok("The database schema is the one we need.")


class RedisAnswers:
    name = "redis"

    async def run(self, patient: Patient) -> list[Finding]:
        client = redis.asyncio.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            patient.access.redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            decode_responses=True,
        )
        try:
            info = await client.info("memory")  # pyright: ignore[reportUnknownMemberType]
        except (RedisError, OSError) as error:
            return failed(
                f"Redis does not answer ({type(error).__name__}), so events wait in Postgres.",
                "Start it (`oblivion up`), or check OBLIVION_REDIS_URL. Nothing is lost meanwhile.",
            )
        finally:
            await client.aclose()
        policy = str(info.get("maxmemory_policy", KEEPS_ALL))
        if policy != KEEPS_ALL:
            return warning(
                f"Redis may drop jobs when its memory is full (maxmemory-policy {policy}).",
                "Set maxmemory-policy noeviction; what was dropped is found again in Postgres, only later.",
            )
        return ok("Redis answers and keeps all jobs.")
