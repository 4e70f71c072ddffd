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
from oblivion_cli.doctor.tools import ToolConnections
from oblivion_cli.doctor.work import DeadLettersWaiting, QueueConsumed
from oblivion_cli.errors import CommandFailed
from oblivion_platform.errors import DependencyUnavailable, OblivionFailure

CHECK_WITHIN_S = 40.0
MACHINE_CHECKS: Sequence[Check] = (PythonVersion(), HomeDirectory(), Running(), Port(), Keys())
SYSTEM_CHECKS: Sequence[Check] = (
    PostgresAnswers(),
    PostgresRole(),
    Schema(),
    RedisAnswers(),
    StoredSecrets(),
    IngestionReachable(),
    SlackConnection(),
    ClickUpConnection(),
    ToolConnections(),
    DeadLettersWaiting(),
    QueueConsumed(),
)
"""Made only where there is a system to ask."""


@dataclass(frozen=True)
class Examined:
    """What one check found."""

    check: str
    finding: Finding


def checks_for(patient: Patient) -> Sequence[Check]:
    """Without a system there is nothing to say of its parts."""
    return (*MACHINE_CHECKS, *SYSTEM_CHECKS) if patient.has_system else MACHINE_CHECKS


async def examine(patient: Patient, checks: Sequence[Check]) -> AsyncGenerator[Examined]:
    """Every finding, in order, as soon as it is there."""
    for check in checks:
        for finding in await _run(check, patient):
            yield Examined(check.name, finding)


async def _run(check: Check, patient: Patient) -> list[Finding]:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            return await check.run(patient)
    except CannotTell as unknown:
        return skipped(f"The check of {check.name} cannot be made: {unknown.sentence}.")
    except CommandFailed as failure:
        return failed(failure.sentence, failure.fix)
    except DependencyUnavailable as away:
        return skipped(f"The check of {check.name} cannot be made: {away.message}.")
    except OblivionFailure as failure:
        return failed(f"{failure.message} ({failure.code}).", "See the other findings.")
    except (SQLAlchemyError, TimeoutError) as error:
        return skipped(f"The check of {check.name} cannot be made ({type(error).__name__}).")


def is_healthy(examined: Sequence[Examined]) -> bool:
    return all(each.finding.verdict is not Verdict.FAILED for each in examined)
