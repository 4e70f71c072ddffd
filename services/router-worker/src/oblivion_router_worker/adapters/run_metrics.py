"""How runs go, as Prometheus metrics."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter, Gauge, Histogram

from oblivion_contracts.runs import RunState
from oblivion_platform.runs import Due, Run
from oblivion_platform.telemetry import LATENCY_BUCKETS_S

_ENDED = Counter("oblivion_run_jobs_ended", "Jobs of runs that ended, by the run's state.", ["state", "code"])
_BRING_S = Histogram("oblivion_run_bring_forward_seconds", "One look after a run.", buckets=LATENCY_BUCKETS_S)
_FAILED = Counter("oblivion_run_job_failures", "Looks after a run that failed, by code.", ["code"])
_DUE = Gauge("oblivion_runs_overdue", "Live runs that nobody has looked after in time.")
_OVERDUE_S = Gauge(
    "oblivion_runs_overdue_seconds",
    "How long the longest waiting run is past its time; stuck when it keeps growing.",
)
_UNSHOWN = Gauge("oblivion_runs_unshown", "Runs with steps that were not shown yet.")
_RUN_BUCKETS_S = (*LATENCY_BUCKETS_S, 900.0, 3600.0, 14400.0)
_OVER = Counter("oblivion_runs_ended", "Runs that ended.", ["tenant", "agent", "source", "state"])
_ENQUEUE_S = Histogram(
    "oblivion_run_enqueue_seconds",
    "From the run's creation until an agent had acknowledged it for the first time.",
    ["source"],
    buckets=_RUN_BUCKETS_S,
)
_PROCESSING_S = Histogram(
    "oblivion_run_processing_seconds",
    "From that acknowledgement until the end.",
    ["source", "state"],
    buckets=_RUN_BUCKETS_S,
)
_TOTAL_S = Histogram(
    "oblivion_run_total_seconds",
    "From the run's creation until its end.",
    ["source", "state"],
    buckets=_RUN_BUCKETS_S,
)
_AGENT_ERRORS = Counter("oblivion_agent_errors", "Runs that failed, by agent.", ["tenant", "agent"])
_LOST = Counter("oblivion_run_leases_lost", "Leases that ended without a word from their holder.", ["agent"])


class RunMetrics:
    """Counts what the processor and the sweeps report."""

    def brought(self, took_s: float) -> None:
        _BRING_S.observe(took_s)

    def ended(self, state: str, code: str | None) -> None:
        _ENDED.labels(state, code or "").inc()

    def failed(self, code: str) -> None:
        _FAILED.labels(code).inc()

    def over(self, tenant_id: UUID, run: Run, agent: str | None) -> None:
        name, source, state = agent or "none", run.source.value, run.state.value
        _OVER.labels(str(tenant_id), name, source, state).inc()
        _LOST.labels(name).inc(run.lost_leases)
        if run.state is RunState.FAILED:
            _AGENT_ERRORS.labels(str(tenant_id), name).inc()
        if run.finished_at is None:
            return
        _TOTAL_S.labels(source, state).observe(_seconds(run.created_at, run.finished_at))
        if run.started_at is not None:
            _ENQUEUE_S.labels(source).observe(_seconds(run.created_at, run.started_at))
            _PROCESSING_S.labels(source, state).observe(_seconds(run.started_at, run.finished_at))

    def swept(self, due: Sequence[Due], unshown: int) -> None:
        _DUE.set(len(due))
        _OVERDUE_S.set(max((found.overdue_s for found in due), default=0.0))
        _UNSHOWN.set(unshown)


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
