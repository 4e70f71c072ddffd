"""What a check comes to."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from oblivion_cli.doctor.patient import Patient


class Verdict(StrEnum):
    """How it stands with what was checked."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Cannot be told, because something that it needs has failed."""


@dataclass(frozen=True)
class Finding:
    """One sentence, and the fix when it is not well."""

    verdict: Verdict
    sentence: str
    fix: str = ""


class Check(Protocol):
    """One thing that can be wrong."""

    @property
    def name(self) -> str: ...

    async def run(self, patient: Patient) -> list[Finding]: ...


def ok(sentence: str) -> list[Finding]:
    return [Finding(Verdict.OK, sentence)]


def warning(sentence: str, fix: str) -> list[Finding]:
    return [Finding(Verdict.WARNING, sentence, fix)]


def failed(sentence: str, fix: str) -> list[Finding]:
    return [Finding(Verdict.FAILED, sentence, fix)]


def skipped(sentence: str) -> list[Finding]:
    return [Finding(Verdict.SKIPPED, sentence)]
