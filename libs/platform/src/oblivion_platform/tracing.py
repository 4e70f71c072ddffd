"""Traces by OpenTelemetry, when a collector is named (OBLIVION_OTLP_ENDPOINT); else nothing of it is loaded.

One trace leads from webhook to answer: requests, SQL, Redis and outgoing HTTP are spans of the contrib
instrumentors; what travels through queues and rows carries a `traceparent`, and `telemetry.tracing` opens the
span that goes on with it.
"""

# The contrib instrumentors ship no complete types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from oblivion_platform.logging import get_logger
from oblivion_platform.work_sampler import only_work

NOT_TRACED = "health,metrics"
"""Paths that are asked for all the time and say nothing."""
_PARTS: Any = ["receive", "send"]
"""Of a request; they have no spans of their own."""

_log = get_logger(__name__)
_tracer: Any = None


def is_tracing() -> bool:
    """Whether spans go anywhere."""
    return _tracer is not None


def start_tracing(service: str, endpoint: str) -> Callable[[], None]:
    """Send spans to the collector at `endpoint` (OTLP over HTTP); returns what flushes the last of them.

    A collector that is away costs spans, never work.
    """
    global _tracer  # noqa: PLW0603 - one provider per process, as OpenTelemetry has it
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    from oblivion_platform.discreet_spans import DiscreetProcessor

    resource = Resource.create({"service.name": f"oblivion-{service}", "service.namespace": "oblivion"})
    provider = TracerProvider(resource=resource, sampler=only_work())
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(DiscreetProcessor(exporter))
    trace.set_tracer_provider(provider)
    _instrument_libraries()
    _tracer = trace.get_tracer("oblivion")
    _log.info("traces are sent", endpoint=endpoint)
    return provider.shutdown


def _instrument_libraries() -> None:
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor

    AioHttpClientInstrumentor().instrument(url_filter=_without_secrets)
    HTTPXClientInstrumentor().instrument()
    PsycopgInstrumentor().instrument()
    RedisInstrumentor().instrument()


def _without_secrets(url: URL) -> str:
    """Host and the beginning of the path: a `response_url` of Slack's is a secret from end to end."""
    parts = url.parts[1:]
    length = parts.index("api") + 2 if "api" in parts[:2] else 2
    return str(url.origin() / "/".join(parts[:length]))


@contextmanager
def span(name: str, traceparent: str) -> Generator[str]:
    """A span below `traceparent`; gives the traceparent for what happens inside.

    Of an error only the name is told: its message could hold values.
    """
    from opentelemetry.trace import SpanKind, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    parent = propagator.extract({"traceparent": traceparent})
    silent = {"record_exception": False, "set_status_on_exception": False}
    with _tracer.start_as_current_span(name, context=parent, kind=SpanKind.CONSUMER, **silent) as begun:
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
        try:
            yield carrier.get("traceparent", traceparent)
        except Exception as error:
            begun.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def traced(app: ASGIApp) -> ASGIApp:
    """The application with a span for each HTTP request; itself, while nothing is traced.

    The request's own `traceparent` header is replaced by the span's, so that whoever stores it stores a place
    in the trace.
    """
    if not is_tracing():
        return app
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    inner: ASGIApp = OpenTelemetryMiddleware(
        _SpanHeader(app), excluded_urls=NOT_TRACED, server_request_hook=_without_query, exclude_spans=_PARTS
    )

    async def only_requests(scope: Scope, receive: Receive, send: Send) -> None:
        # A socket lives for days: its messages have spans of their own.
        await (inner if scope["type"] == "http" else app)(scope, receive, send)

    return only_requests


def _without_query(begun: Any, scope: Scope) -> None:
    """What stands behind the question mark may be a code of a sign-in, or somebody's words."""
    for name in ("http.url", "url.full"):
        if name in (begun.attributes or {}):
            begun.set_attribute(name, scope["path"])
    for name in ("http.target", "url.query"):
        if name in (begun.attributes or {}):
            begun.set_attribute(name, scope["path"] if name == "http.target" else "")


class _SpanHeader:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        if "traceparent" in carrier:
            others = [pair for pair in scope["headers"] if pair[0] != b"traceparent"]
            scope = {**scope, "headers": [*others, (b"traceparent", carrier["traceparent"].encode())]}
        await self._app(scope, receive, send)
