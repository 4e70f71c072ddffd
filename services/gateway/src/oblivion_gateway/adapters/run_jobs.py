"""Implements `RunJobs` on the `ai-agent-tasks` queue, and `MessageLimits` on the shared budgets."""

from uuid import UUID

from oblivion_platform.queue import JobQueue
from oblivion_platform.resilience import Budget, Rate
from oblivion_platform.runs import RunJob, job_of
from oblivion_platform.telemetry import known_traceparent


class QueuedRuns:
    """Jobs hold ids only; see `oblivion_platform.runs.jobs`."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def hasten(self, tenant_id: UUID, run_id: UUID, priority: int) -> bool:
        job = job_of(tenant_id, RunJob(run_id, priority), traceparent=known_traceparent())
        return await self._queue.hasten(job)


class BudgetedMessages:
    """Counts an agent's messages of all replicas over a moving minute."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    async def take(self, tenant_id: UUID, agent_id: UUID, per_minute: int) -> float:
        return await self._budget.acquire(tenant_id, f"messages:{agent_id}", Rate(per_minute, per_s=60))
