"""A span for each task, below the one that assigned it.

OpenTelemetry's API alone does nothing: a program that wants its traces sets up the SDK, and finds the task's
span around its handler.
"""

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from oblivion_contracts.agent_socket import TaskAssigned, TaskCompleted, TaskFailed

_tracer = trace.get_tracer("oblivion_client")


@contextmanager
def task_span(task: TaskAssigned) -> Generator[trace.Span]:
    """The work on `task`; ids and names only, nothing of what is said in it."""
    parent = TraceContextTextMapPropagator().extract({"traceparent": task.traceparent or ""})
    with _tracer.start_as_current_span(
        "task",
        context=parent,
        kind=SpanKind.CONSUMER,
        attributes={
            "oblivion.run_id": str(task.run_id),
            "oblivion.session_id": str(task.session_id),
            "oblivion.agent": task.agent,
            "oblivion.task": task.task,
            "oblivion.attempt": task.attempt,
        },
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def note_end(span: trace.Span, result: TaskCompleted | TaskFailed) -> None:
    if isinstance(result, TaskFailed):
        span.set_status(StatusCode.ERROR, result.code)
