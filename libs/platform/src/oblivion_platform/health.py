"""Health of one process: live, ready, and in detail what it depends on.

*Live*: this answer was made, so the loop turns; and every proof of life that was registered holds (a worker:
the queue is really being consumed). *Ready*: started and not draining. No shared dependency makes a process
unready, since that would take every replica away at once. *Details* name each dependency, for holders of the
token only.
"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from oblivion_platform.errors import OblivionFailure
from oblivion_platform.problems import problem_response
from oblivion_platform.telemetry import metrics_endpoint

CHECK_TIMEOUT_S = 2.0

ProofOfLife = Callable[[], bool]
Check = Callable[[], Awaitable[object]]
"""Asks one dependency; raises when it is unwell. What it returns is shown as detail: no secret, no value."""


class Phase(StrEnum):
    """Where in its life the process is."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass
class Health:
    """What the health routes tell; filled by bootstrap."""

    details_token: SecretStr | None = None
    proofs_of_life: dict[str, ProofOfLife] = field(default_factory=dict[str, ProofOfLife])
    checks: dict[str, Check] = field(default_factory=dict[str, Check])
    phase: Phase = Phase.STARTING

    def dead_parts(self) -> list[str]:
        return [name for name, alive in self.proofs_of_life.items() if not alive()]

    async def details(self) -> dict[str, object]:
        """Ask every dependency at once; none may take longer than CHECK_TIMEOUT_S."""
        answers = await asyncio.gather(*(_ask(check) for check in self.checks.values()))
        return {
            "phase": self.phase.value,
            "dead": self.dead_parts(),
            "dependencies": dict(zip(self.checks, answers, strict=True)),
        }


def health_routes(health: Health) -> list[BaseRoute]:
    """/health/live, /health/ready, /health/details and /metrics."""

    async def live(_request: Request) -> Response:
        dead = health.dead_parts()
        if dead:
            return problem_response(503, "not_live", f"No sign of life from: {', '.join(dead)}")
        return JSONResponse({"live": True})

    async def ready(_request: Request) -> Response:
        if health.phase is not Phase.READY:
            return problem_response(
                503, "not_ready", f"The process is {health.phase}", headers={"Retry-After": "1"}
            )
        return JSONResponse({"ready": True})

    async def details(request: Request) -> Response:
        if health.details_token is None:
            return problem_response(404, "details_off", "Set OBLIVION_HEALTH_TOKEN to be shown the details.")
        if not _bears(request, health.details_token):
            challenge = {"WWW-Authenticate": "Bearer"}
            return problem_response(
                401, "token_rejected", "Send Authorization: Bearer <token>.", headers=challenge
            )
        return JSONResponse(await health.details())

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/health/details", details),
        Route("/metrics", metrics_endpoint),
    ]


def _bears(request: Request, token: SecretStr) -> bool:
    given = request.headers.get("authorization", "")
    # Bytes, not str: compare_digest raises TypeError on a non-ASCII str, which a caller controls.
    return hmac.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode())


async def _ask(check: Check) -> dict[str, object]:
    began = time.monotonic()
    answer: dict[str, object]
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            answer = {"ok": True, "detail": await check()}
    except OblivionFailure as failure:
        answer = {"ok": False, "detail": str(failure)}
    except TimeoutError:
        answer = {"ok": False, "detail": f"no answer within {CHECK_TIMEOUT_S:.0f} s"}
    except Exception as error:  # The top of one check: whatever it was, the others are still to be told.
        answer = {"ok": False, "detail": type(error).__name__}
    return {**answer, "ms": round((time.monotonic() - began) * 1000, 1)}
