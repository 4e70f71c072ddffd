"""One trace leads from the webhook to the answer, through every process; Langfuse is told what the model was.

The collector and Langfuse stand on a real socket here, and the whole system runs as `oblivion up` runs it.
"""

import base64
import gzip
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_platform.http_server import serving
from oblivion_platform.testing.polling import eventually
from oblivion_sandbox.control import SandboxControl
from tests.system import System

QUESTION = "what does the marmalade manifesto say?"
TOLD_WITHIN_S = 60.0
KEYS = ("pk-lf-test", "sk-lf-marmalade")


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


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    made = Receiver()
    routes = [
        Route("/v1/traces", made.collect, methods=["POST"]),
        Route("/api/public/otel/v1/traces", made.be_langfuse, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes), host="127.0.0.1", port=0) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


@pytest.fixture
async def system(receiver: Receiver, tmp_path: Path) -> AsyncGenerator[System]:
    settings = {
        "OBLIVION_OTLP_ENDPOINT": receiver.url,
        "LANGFUSE_PUBLIC_KEY": KEYS[0],
        "LANGFUSE_SECRET_KEY": KEYS[1],
        "LANGFUSE_HOST": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    running = System(tmp_path / "home", settings)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


@pytest.mark.integration
@pytest.mark.timeout(300)
async def test_one_trace_leads_from_the_mention_to_its_answer_through_every_process(
    system: System, receiver: Receiver
) -> None:
    async with SandboxControl(system.sandbox_url) as control:
        channel = await control.slack.add_channel("traced")
        app = await control.slack.app()
        asked = await control.slack.post(channel, f"<@{app['bot_user_id']}> {QUESTION}")
        await eventually(lambda: receiver.trace_of_answer() != [], within_s=TOLD_WITHIN_S)
        await eventually(lambda: receiver.generations != [], within_s=TOLD_WITHIN_S)
    await system.stop()  # Each process sends the last of its spans.

    trace = receiver.trace_of_answer()
    names = {(told.service, told.name) for told in trace}
    assert {
        ("oblivion-router-worker", "handle event"),
        ("oblivion-router-worker", "show run"),
        ("oblivion-router-worker", "send slack.run_answer"),
        ("oblivion-gateway", "task.assigned"),
        ("oblivion-gateway", "task.ack"),
        ("oblivion-gateway", "task.completed"),
        ("oblivion-agent", "task"),
        ("oblivion-agent", "read"),
        ("oblivion-agent", "think"),
    } <= names
    assert any(
        told.service == "oblivion-ingestion" and told.span.kind == Span.SPAN_KIND_SERVER for told in trace
    )
    (answer,) = [told for told in trace if told.name == "send slack.run_answer"]
    below = [told.attributes for told in trace if told.span.parent_span_id == answer.span.span_id]
    assert any("chat.update" in str(attributes) for attributes in below)
    verify_stands_in_one_tree(trace)

    asked_model = [told for told in trace if told.name.startswith("chat ")]
    assert asked_model
    assert all(told.attributes["gen_ai.usage.input_tokens"] > 0 for told in asked_model)

    (first, *_) = [told for told in receiver.generations if "generation" in str(told.attributes)]
    assert first.span.trace_id == answer.span.trace_id
    assert "marmalade" in str(first.attributes)
    assert receiver.authorizations == {f"Basic {base64.b64encode(':'.join(KEYS).encode()).decode()}"}

    secrets = [app["bot_token"], app["signing_secret"], KEYS[1], "v0=", "marmalade", "Bearer "]
    told_all = [
        f"{told.name} {told.attributes} {told.span.status} {told.span.events}" for told in receiver.spans
    ]
    assert asked
    assert not [(secret, words) for secret in secrets for words in told_all if secret in words]


def verify_stands_in_one_tree(trace: list[Told]) -> None:
    """Every span stands below another of the trace, but for its one beginning."""
    known = {told.span.span_id for told in trace}
    roots = [told for told in trace if told.span.parent_span_id not in known]
    assert len(roots) == 1, [(told.service, told.name) for told in roots]
