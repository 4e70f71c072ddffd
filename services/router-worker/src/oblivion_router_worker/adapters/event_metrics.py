"""How the handling of events goes, as Prometheus metrics."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from oblivion_platform.telemetry import LATENCY_BUCKETS_S

_EVENTS = Counter("oblivion_events_handled", "Events handled, by outcome.", ["outcome"])
_FAILED = Counter(
    "oblivion_event_failures", "Failed tries of events, by code and what follows.", ["code", "verdict"]
)
_PROCESSING_S = Histogram(
    "oblivion_event_processing_seconds", "Deciding about one event.", buckets=LATENCY_BUCKETS_S
)
_TOTAL_S = Histogram(
    "oblivion_event_total_seconds",
    "From the job's creation until its event was decided, waits included.",
    buckets=LATENCY_BUCKETS_S,
)
_JOBS = Gauge("oblivion_queue_jobs", "Jobs in the queue, by state.", ["queue", "state"])
_WAITING = Gauge("oblivion_inbox_overdue_events", "Events that wait for longer than they should.")
_OLDEST_S = Gauge("oblivion_inbox_oldest_seconds", "Age of the oldest event that is not yet decided.")
_INTEGRATIONS = Gauge(
    "oblivion_integrations",
    "Integrations, by how they are: ok, gap (events may be missing), webhook_missing, token_refused.",
    ["source", "status"],
)
_WEBHOOKS = Counter(
    "oblivion_webhooks_mended", "Webhooks that were found suspended or gone and brought back.", ["found"]
)
_REVIVED = Counter("oblivion_jobs_revived", "Jobs that Redis had lost or given up while their event waited.")
_PURGED = Counter(
    "oblivion_bodies_purged", "Bodies of events and effects removed after their tenant's retention."
)


class EventMetrics:
    """Counts what the processor and the sweeps report."""

    def handled(self, outcome: str, processing_s: float, total_s: float) -> None:
        _EVENTS.labels(outcome).inc()
        _PROCESSING_S.observe(processing_s)
        _TOTAL_S.observe(max(0.0, total_s))

    def finished(self, outcome: str) -> None:
        _EVENTS.labels(outcome).inc()

    def failed(self, code: str, verdict: str) -> None:
        _FAILED.labels(code, verdict).inc()

    def queue_seen(self, queue: str, counts: dict[str, int]) -> None:
        for state, count in counts.items():
            _JOBS.labels(queue, state).set(count)

    def inbox_seen(self, overdue: int, oldest_s: float) -> None:
        _WAITING.set(overdue)
        _OLDEST_S.set(oldest_s)

    def integrations_seen(self, counts: Mapping[tuple[str, str], int]) -> None:
        _INTEGRATIONS.clear()
        for (source, status), count in counts.items():
            _INTEGRATIONS.labels(source, status).set(count)

    def webhook_mended(self, found: str) -> None:
        _WEBHOOKS.labels(found).inc()

    def revived(self, count: int) -> None:
        _REVIVED.inc(count)

    def purged(self, count: int) -> None:
        _PURGED.inc(count)
