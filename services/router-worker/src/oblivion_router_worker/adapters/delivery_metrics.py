"""How delivery goes, as Prometheus metrics."""

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from oblivion_platform.telemetry import LATENCY_BUCKETS_S
from oblivion_router_worker.domain.retry import Dead, Failed, Postponed, Sent, Settlement
from oblivion_router_worker.ports.delivery import DueDestination, Sending

_TRIES = Counter("oblivion_effect_tries", "Tries of effects, by how they ended.", ["kind", "outcome", "code"])
_SEND_S = Histogram(
    "oblivion_effect_send_seconds", "One try of an effect.", ["kind"], buckets=LATENCY_BUCKETS_S
)
_AGE_S = Histogram(
    "oblivion_effect_age_seconds",
    "From the decision until it was sent, waits included.",
    ["kind"],
    buckets=LATENCY_BUCKETS_S,
)
_ERRORS = Counter(
    "oblivion_provider_errors", "Tries that failed at Slack or ClickUp.", ["tenant", "provider", "code"]
)
_DUE = Gauge("oblivion_outbox_due_destinations", "Destinations with effects whose time has come.")
_OVERDUE_S = Gauge(
    "oblivion_outbox_overdue_seconds",
    "How long the longest waiting effect is past its time; stuck when it keeps growing.",
)


class DeliveryMetrics:
    """Implements `ports.delivery_watch.DeliveryWatch`."""

    def tried(self, sending: Sending, settlement: Settlement, took_s: float) -> None:
        kind = sending.effect.kind
        outcome, code = _outcome(settlement)
        _TRIES.labels(kind, outcome, code).inc()
        if isinstance(settlement, Failed | Dead):
            provider = sending.effect.destination.partition(":")[0]
            _ERRORS.labels(str(sending.effect.tenant_id), provider, code).inc()
        if not isinstance(settlement, Postponed):
            _SEND_S.labels(kind).observe(took_s)
        if isinstance(settlement, Sent):
            _AGE_S.labels(kind).observe(sending.age_s + took_s)

    def swept(self, due: Sequence[DueDestination]) -> None:
        _DUE.set(len(due))
        _OVERDUE_S.set(max((found.overdue_s for found in due), default=0.0))


def _outcome(settlement: Settlement) -> tuple[str, str]:
    match settlement:
        case Sent(skipped=skipped):
            return ("sent", "") if skipped is None else ("skipped", skipped)
        case Postponed(code=code):
            return "postponed", code
        case Failed(code=code):
            return "failed", code
        case Dead(code=code):
            return "dead", code
