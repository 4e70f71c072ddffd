"""Runs every check, each by itself: one that cannot be made says so and stops no other."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from oblivion_cli.doctor.finding import Check, Finding, Verdict, failed, skipped
from oblivion_cli.doctor.machine import HomeDirectory, Keys, Port, PythonVersion, Running, StoredSecrets
from oblivion_cli.doctor.outside import ClickUpConnection, IngestionReachable, SlackConnection
from oblivion_cli.doctor.patient import CannotTell, Patient
from oblivion_cli.doctor.stores import PostgresAnswers, PostgresRole, RedisAnswers, Schema
from oblivion_cli.doctor.work import DeadLettersWaiting, QueueConsumed
from oblivion_cli.errors import CommandFailed
from oblivion_platform.errors import OblivionFailure

CHECK_WITHIN_S = 40.0
CHECKS: Sequence[Check] = (
    PythonVersion(),
    HomeDirectory(),
    Running(),
    Port(),
    Keys(),
    PostgresAnswers(),
    PostgresRole(),
    Schema(),
    RedisAnswers(),
    StoredSecrets(),
    IngestionReachable(),
    SlackConnection(),
    ClickUpConnection(),
    DeadLettersWaiting(),
    QueueConsumed(),
)


@dataclass(frozen=True)
class Examined:
    """What one check found."""

    check: str
    finding: Finding


async def examine(patient: Patient, checks: Sequence[Check] = CHECKS) -> AsyncGenerator[Examined]:
    """Every finding, in order, as soon as it is there."""
    for check in checks:
        for finding in await _run(check, patient):
            yield Examined(check.name, finding)


async def _run(check: Check, patient: Patient) -> list[Finding]:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            return await check.run(patient)
    except CannotTell as unknown:
        return skipped(f"Cannot be told: {unknown.sentence.rstrip()}")
    except CommandFailed as failure:
        return failed(failure.sentence, failure.fix)
    except OblivionFailure as failure:
        return failed(f"{failure.message} ({failure.code}).", "See the other findings.")
    except (SQLAlchemyError, TimeoutError) as error:
        return skipped(f"Cannot be told ({type(error).__name__}); see the findings about Postgres.")


def is_healthy(examined: Sequence[Examined]) -> bool:
    return all(each.finding.verdict is not Verdict.FAILED for each in examined)
