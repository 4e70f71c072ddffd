"""Whether work flows: nothing given up, nothing left lying."""

from sqlalchemy import text

from oblivion_cli.console import counted
from oblivion_cli.doctor.finding import Finding, failed, ok, warning
from oblivion_cli.doctor.patient import Patient
from oblivion_cli.usecases.dead_letters import DeadLetters
from oblivion_cli.usecases.events import age

LYING_S = 60
_OLDEST_EVENT = text(
    "SELECT count(*) AS number, min(received_at) AS oldest FROM inbound_events WHERE state = 'received'"
)
_OLDEST_EFFECT = text("""
    SELECT count(*) AS number, min(created_at) AS oldest FROM outbox WHERE state IN ('pending', 'sending')
""")


class DeadLettersWaiting:
    name = "dead letters"

    async def run(self, patient: Patient) -> list[Finding]:
        admin = await patient.admin()
        letters = DeadLetters(admin.database, admin.tenant.id, admin.actor)
        causes = await letters.report()
        if not causes:
            return ok("No dead letters.")
        listed = ", ".join(f"{cause['count']} {cause['cause']}" for cause in causes)
        total = sum(int(cause["count"]) for cause in causes)
        missing = "; ".join(await letters.missing())
        unseen = f" Nobody sees until then: {missing}." if missing else ""
        return warning(
            f"{counted(total, 'dead letter')} for a person to look at: {listed}.{unseen}",
            "See `oblivion dead-letters report`; mend the cause, then retry or discard them.",
        )


class QueueConsumed:
    name = "queue"

    async def run(self, patient: Patient) -> list[Finding]:
        admin = await patient.admin()
        async with admin.database.tenant(admin.tenant.id) as tx:
            events = (await tx.execute(_OLDEST_EVENT)).one()
            effects = (await tx.execute(_OLDEST_EFFECT)).one()
        findings: list[Finding] = []
        now = patient.now()
        if events.oldest is not None and (now - events.oldest).total_seconds() > LYING_S:
            findings += failed(
                f"{counted(events.number, 'event')} not handled, the oldest for {age(events.oldest, now)}.",
                "See that the router-worker runs and reaches Redis: `oblivion logs router-worker`.",
            )
        if effects.oldest is not None and (now - effects.oldest).total_seconds() > LYING_S:
            findings += warning(
                f"Messages, comments or answers of runs wait to be sent: {effects.number}, the oldest for "
                f"{age(effects.oldest, now)}.",
                "Slack or ClickUp may be away or limiting us; they are sent when it is over.",
            )
        return findings or ok("Events are handled as they come.")
