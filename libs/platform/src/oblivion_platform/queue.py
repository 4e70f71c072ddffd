"""BullMQ, wrapped once: typed, with its traps closed.

Traps (BullMQ for Python 3.4): a job without priority overtakes all others; `add` can hang for minutes while
Redis is away; the built-in backoff has no jitter; delays are rounded to whole seconds unless the connection
says otherwise; the worker's loop can end, or its blocking read go deaf, while its process lives; a job that
comes is asked for by every free place of the worker; workers bear names that BullMQ for Node does not know.
"""

# BullMQ ships no types: this is the one module that touches it, so the rest of the code stays strict.
# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false

import asyncio
import contextlib
import os
import socket
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog
from bullmq import Job, Queue, Worker
from bullmq.custom_errors import DelayedError, UnrecoverableError
from bullmq.redis_connection import RedisConnection
from prometheus_client import Gauge
from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from oblivion_platform.bulk_jobs import BulkAdd
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.jobs import JobPolicy as JobPolicy
from oblivion_platform.jobs import NewJob as NewJob
from oblivion_platform.tasks import end

ContractT = TypeVar("ContractT", bound=BaseModel)
Processor = Callable[[Job, str], Awaitable[dict[str, Any]]]

KEEP_COMPLETED = {"count": 1_000}
KEEP_FAILED = {"count": 5_000}
"""Jobs kept in Redis; Postgres keeps all."""

COMMAND_TIMEOUT_S = 2.0
BLOCKING_READ_TIMEOUT_S = 15
"""Longer than BullMQ's longest blocking read (10 s): a stopped Redis is noticed, a quiet one is not."""
DEAF_AFTER_S = 45.0
RESTART_DELAY_S = 0.5

_AT_WORK = Gauge("oblivion_worker_jobs", "Jobs that this process is handling.", ["queue"])
_ROOM = Gauge("oblivion_worker_concurrency", "Jobs that this process handles at once, at most.", ["queue"])

_log = structlog.get_logger(__name__)


def decode_job(contract: type[ContractT], data: object) -> ContractT:
    """Validate job data against its contract.

    Raises:
        UnrecoverableError: retrying cannot help. The message names fields, never values:
            BullMQ keeps it in Redis and on the dashboard.
    """
    try:
        return contract.model_validate(data)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
        # `from None`: the chained ValidationError would print the rejected values.
        raise UnrecoverableError(f"not a {contract.__name__}: {fields}") from None


async def park(job: Job, token: str, delay_s: float) -> None:
    """Put a running job aside without using up an attempt; never returns.

    Raises:
        DelayedError: always; it tells BullMQ that the job is neither finished nor failed.
    """
    await job.moveToDelayed(int((time.time() + delay_s) * 1000), token)
    raise DelayedError


def redis_client(url: str, name: str | None = None) -> "Redis":
    """A pooled client for one Queue or Worker: short retries, and reads that outlast a blocking one.

    `name` is how Redis lists its connections.

    A connection that broke is tried again at once. One that answered nothing for so long is not: the worker's
    loop shall turn meanwhile, or a Redis that is stopped would make the process look dead.
    """
    return Redis.from_url(
        url,
        client_name=name,
        decode_responses=True,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2, supported_errors=(RedisConnectionError,)),
        socket_timeout=BLOCKING_READ_TIMEOUT_S,
        socket_connect_timeout=COMMAND_TIMEOUT_S,
    )


class JobQueue:
    """The producing side of one queue, whose jobs are called like it unless they have a name of their own."""

    def __init__(self, name: str, redis_url: str, policy: JobPolicy, *, job_name: str | None = None) -> None:
        self.name = name
        self._job_name = job_name or name
        self._policy = policy
        self._client = redis_client(redis_url)
        self._queue = Queue(name, {"connection": self._client})
        self._bulk = BulkAdd(self._queue, self._client, self._job_name, self._options())

    async def add_all(self, jobs: Sequence[NewJob]) -> int:
        """Add jobs in few round trips, and return how many wait now.

        Raises:
            DependencyUnavailable: Redis did not answer in time; some of the jobs may have been added.
        """
        return await self._answered(self._bulk.add(jobs))

    async def add_later(self, job: NewJob, delay_s: float) -> None:
        """Add a job that is put aside from the start; adding an id that Redis still knows changes nothing.

        Raises:
            DependencyUnavailable: Redis did not answer in time; the job may have been added.
        """
        options = {
            **self._options(),
            "jobId": job.id,
            "priority": job.priority,
            "delay": int(delay_s * 1000),
        }
        await self._answered(self._queue.add(self._job_name, dict(job.data), options))

    async def state(self, job_id: str) -> str:
        """`waiting`, `prioritized`, `delayed`, `active`, `completed`, `failed` or `unknown`."""
        return await self._answered(self._queue.getJobState(job_id))

    async def revive(self, job: NewJob) -> None:
        """Make sure that the job will run, whatever Redis remembers of an earlier life of it."""
        state = await self.state(job.id)
        if state in {"completed", "failed"}:
            await self._answered(self._queue.remove(job.id))
        if state in {"completed", "failed", "unknown"}:
            await self.add_all([job])

    async def hasten(self, job: NewJob) -> bool:
        """Make sure that the job runs now, parked or not; False when it is being run already."""
        state = await self.state(job.id)
        if state == "delayed":
            await self._answered(self._promote(job.id))
        elif state in {"completed", "failed"}:
            await self._answered(self._queue.remove(job.id))
        if state in {"completed", "failed", "unknown"}:
            await self.add_all([job])
        return state != "active"

    async def counts(self) -> dict[str, int]:
        """Jobs by state."""
        return await self._answered(
            self._queue.getJobCounts("waiting", "prioritized", "delayed", "active", "completed", "failed")
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _options(self) -> dict[str, Any]:
        return {
            "attempts": self._policy.attempts,
            "backoff": {"type": "custom"},
            "removeOnComplete": KEEP_COMPLETED,
            "removeOnFail": KEEP_FAILED,
        }

    async def _promote(self, job_id: str) -> None:
        job = await Job.fromId(self._queue, job_id)
        if job is None:
            return
        with contextlib.suppress(TypeError):  # Somebody else was quicker.
            await job.promote()

    async def _answered(self, call: Awaitable[Any]) -> Any:
        try:
            # Not wait_for: until Python 3.12 it can swallow a cancellation that meets the answer.
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            raise DependencyUnavailable(
                "redis_unavailable", f"Redis does not answer ({type(error).__name__})"
            ) from None


def worker_client_name(queue: str) -> str:
    """How the connection is called by which this process's worker waits for jobs.

    BullMQ for Node, and so the queue board, looks for the queue's name in base64 among Redis's clients.
    Source: `getWorkers` and `clientName` in https://github.com/taskforcesh/bullmq
    """
    return f"bull:{b64encode(queue.encode()).decode()}:w:{socket.gethostname()}-{os.getpid()}"


class SupervisedWorker:
    """The consuming side of one queue: a BullMQ worker that is started again when its loop ends."""

    def __init__(
        self,
        name: str,
        redis_url: str,
        processor: Processor,
        policy: JobPolicy,
        *,
        concurrency: int,
        lock_s: float = 30,
    ) -> None:
        self.name = name
        self._redis_url = redis_url
        self._processor = processor
        self._policy = policy
        self._concurrency = concurrency
        self._lock_s = lock_s
        self._worker: Worker | None = None
        self._clients: tuple[Redis, ...] = ()
        self._supervision: asyncio.Task[None] | None = None
        self._turned_at = time.monotonic()
        self._closing = False

    def start(self) -> None:
        """Begin taking jobs, and go on for as long as the process lives."""
        _ROOM.labels(self.name).set(self._concurrency)
        self._supervision = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")

    def is_consuming(self) -> bool:
        """Whether the loop still asks for jobs; a Redis that is away is asked too, a deaf socket is not."""
        return time.monotonic() - self._turned_at < DEAF_AFTER_S

    async def close(self) -> None:
        """Take no more jobs and let the running ones finish."""
        self._closing = True
        if self._worker is not None:
            await self._worker.close()
        if self._supervision is not None:
            await end(self._supervision)
        if self._worker is not None:
            # BullMQ leaves a task behind that asks for the next job, and would open a connection again.
            await end(*self._worker.processing)
        await self._close_clients()

    async def _close_clients(self) -> None:
        """BullMQ closes what it opened itself, not what it was given."""
        for client in self._clients:
            # One that broke has nothing left to close.
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()

    async def _supervise(self) -> None:
        while not self._closing:
            self._worker = self._new_worker()
            try:
                await self._worker.run()
            except Exception as error:  # The top loop of the worker: whatever it was, start again.
                _log.warning("worker_loop_failed", queue=self.name, error=type(error).__name__)
            if not self._closing:
                _log.warning("worker_loop_ended", queue=self.name)
                await self._worker.close(force=True)
                await self._close_clients()
                await asyncio.sleep(RESTART_DELAY_S)

    def _new_worker(self) -> Worker:
        commands = redis_client(self._redis_url)
        waiting = redis_client(self._redis_url, worker_client_name(self.name))
        self._clients = (commands, waiting)
        worker = Worker(
            self.name,
            self._process,
            {
                "autorun": False,
                "connection": commands,
                "concurrency": self._concurrency,
                "lockDuration": int(self._lock_s * 1000),
                "stalledInterval": int(self._lock_s * 1000),
                # Processors are idempotent; a job whose worker died twice is not to blame.
                "maxStalledCount": 100,
                "runRetryDelay": int(RESTART_DELAY_S * 1000),
                "settings": {
                    "backoffStrategy": lambda attempts_made, *_: self._policy.delay_ms(attempts_made)
                },
            },
        )
        connection = worker.blockingRedisConnection
        assert isinstance(connection, RedisConnection)  # noqa: S101  # We asked for the Redis backend.
        connection.conn = waiting
        # Left to itself it would name every connection, and after its own fashion.
        worker.clientName = ""
        connection.capabilities = {**connection.capabilities, "canDoubleTimeout": True}
        worker.getNextJob = self._one_at_a_time(worker.getNextJob)
        worker.on("error", self._report)
        return worker

    async def _process(self, job: Job, token: str) -> dict[str, Any]:
        try:
            with _AT_WORK.labels(self.name).track_inprogress():
                return await self._processor(job, token)
        finally:
            self._turned_at = time.monotonic()

    def _one_at_a_time(
        self, get_next_job: Callable[[str], Awaitable[Any]]
    ) -> Callable[[str], Awaitable[Any]]:
        """BullMQ asks for every free place at once, whenever a job comes; all but one of them for nothing."""
        asking = asyncio.Lock()

        async def next_job(token: str) -> Any:
            async with asking:
                if self._closing:  # Or each would wait for a job in its turn.
                    return None
                try:
                    return await get_next_job(token)
                finally:
                    self._turned_at = time.monotonic()

        return next_job

    def _report(self, error: object, *_: object) -> None:
        _log.warning("worker_error", queue=self.name, error=type(error).__name__)
