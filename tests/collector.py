"""What the system tells of itself: a collector of traces, which is Langfuse too, on a real socket."""

import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_platform.http_server import serving

LANGFUSE_KEYS = ("pk-lf-test", "sk-lf-marmalade")


@dataclass
class Told:
    """A span, with the process that sent it."""

    service: str
    span: Span

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def attributes(self) -> dict[str, Any]:
        return {pair.key: _plain(pair.value) for pair in self.span.attributes}


@dataclass
class Receiver:
    """Speaks OTLP over HTTP, as a collector and as Langfuse."""

    url: str = ""
    spans: list[Told] = field(default_factory=list[Told])
    generations: list[Told] = field(default_factory=list[Told])
    authorizations: set[str] = field(default_factory=set[str])

    @property
    def settings(self) -> dict[str, str]:
        """Of the system that tells it everything."""
        return {
            "OBLIVION_OTLP_ENDPOINT": self.url,
            "LANGFUSE_PUBLIC_KEY": LANGFUSE_KEYS[0],
            "LANGFUSE_SECRET_KEY": LANGFUSE_KEYS[1],
            "LANGFUSE_HOST": self.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    async def collect(self, request: Request) -> Response:
        self.spans += await _told(request)
        return Response(media_type="application/x-protobuf")

    async def be_langfuse(self, request: Request) -> Response:
        self.authorizations.add(request.headers.get("authorization", ""))
        self.generations += await _told(request)
        return Response(media_type="application/x-protobuf")

    def trace_of_answer(self) -> list[Told]:
        """The spans of the trace in which an answer was sent; empty as long as there is none."""
        sent = [told.span.trace_id for told in self.spans if told.name == "send slack.run_answer"]
        return [told for told in self.spans if sent and told.span.trace_id == sent[0]]


async def _told(request: Request) -> list[Told]:
    body = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    found: list[Told] = []
    for batch in ExportTraceServiceRequest.FromString(body).resource_spans:
        names = [pair.value.string_value for pair in batch.resource.attributes if pair.key == "service.name"]
        found += [Told(names[0], span) for scope in batch.scope_spans for span in scope.spans]
    return found


def _plain(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")


@asynccontextmanager
async def running_receiver() -> AsyncGenerator[Receiver]:
    made = Receiver()
    routes = [
        Route("/v1/traces", made.collect, methods=["POST"]),
        Route("/api/public/otel/v1/traces", made.be_langfuse, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes), host="127.0.0.1", port=0) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made
