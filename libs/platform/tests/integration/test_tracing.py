"""Spans reach a collector over a real socket, in one trace from request to what was queued."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_platform.http_server import serving
from oblivion_platform.telemetry import parse_traceparent, tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"

SERVICE = f"""
import asyncio, sys
import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from oblivion_platform.http_server import serving
from oblivion_platform.telemetry import tracing
from oblivion_platform.tracing import start_tracing

flush = start_tracing("example", sys.argv[1])

async def take(request: Request) -> JSONResponse:
    # What a queue would carry on.
    with tracing(request.headers["traceparent"], "handle event"):
        return JSONResponse({{}})

async def main() -> None:
    app = Starlette(routes=[Route("/take", take), Route("/health/live", take)])
    async with serving(app, host="127.0.0.1", port=0) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{{port}}/take?token=hidden"
        with tracing("00-{TRACE}-b7ad6b7169203331-01", "ask"):
            async with session.get(url) as answer:
                assert answer.status == 200

asyncio.run(main())
flush()
"""


@dataclass
class Collector:
    """Speaks OTLP over HTTP."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list[Span])

    async def receive(self, request: Request) -> Response:
        batch = ExportTraceServiceRequest.FromString(await request.body())
        self.spans += [
            span
            for resource in batch.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return Response(media_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncGenerator[Collector]:
    made = Collector()
    app = Starlette(routes=[Route("/v1/traces", made.receive, methods=["POST"])])
    async with serving(app, host="127.0.0.1", port=0) as port:
        made.endpoint = f"http://127.0.0.1:{port}"
        yield made


async def test_a_request_and_the_work_it_leads_to_are_spans_of_the_senders_trace(
    collector: Collector,
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, collector.endpoint, env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()

    of_trace = {span.name: span for span in collector.spans if span.trace_id.hex() == TRACE}
    by_id = {span.span_id: span for span in collector.spans}
    served = by_id[of_trace["handle event"].parent_span_id]
    asked = by_id[served.parent_span_id]
    assert (served.kind, asked.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert by_id[asked.parent_span_id].name == "ask"
    assert not any("hidden" in str(span) for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT)


def test_without_a_collector_the_traceparent_goes_along_as_it_is() -> None:
    given = f"00-{TRACE}-b7ad6b7169203331-01"
    with tracing(given, "handle event") as inside:
        assert parse_traceparent(inside) == given
