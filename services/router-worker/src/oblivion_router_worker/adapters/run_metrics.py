"""How runs go, as Prometheus metrics."""

from prometheus_client import Counter, Gauge, Histogram

from oblivion_platform.telemetry import LATENCY_BUCKETS_S

_ENDED = Counter("oblivion_run_jobs_ended", "Jobs of runs that ended, by the run's state.", ["state", "code"])
_BRING_S = Histogram("oblivion_run_bring_forward_seconds", "One look after a run.", buckets=LATENCY_BUCKETS_S)
_FAILED = Counter("oblivion_run_job_failures", "Looks after a run that failed, by code.", ["code"])
_DUE = Gauge("oblivion_runs_overdue", "Live runs that nobody has looked after in time.")
_UNSHOWN = Gauge("oblivion_runs_unshown", "Runs with steps that were not shown yet.")


class RunMetrics:
    """Counts what the processor and the sweeps report."""

    def brought(self, took_s: float) -> None:
        _BRING_S.observe(took_s)

    def ended(self, state: str, code: str | None) -> None:
        _ENDED.labels(state, code or "").inc()

    def failed(self, code: str) -> None:
        _FAILED.labels(code).inc()

    def swept(self, due: int, unshown: int) -> None:
        _DUE.set(due)
        _UNSHOWN.set(unshown)
