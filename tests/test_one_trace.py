"""One trace leads from the webhook to the answer, through every process; Langfuse is told what the model was.

The collector and Langfuse stand on a real socket here, and the whole system runs as `oblivion up` runs it.
"""

import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from oblivion_platform.testing.polling import eventually
from oblivion_sandbox.control import SandboxControl
from tests.collector import LANGFUSE_KEYS, Receiver, Told, running_receiver
from tests.system import System

QUESTION = "what does the marmalade manifesto say?"
TOLD_WITHIN_S = 60.0


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with running_receiver() as made:
        yield made


@pytest.fixture
async def system(receiver: Receiver, tmp_path: Path) -> AsyncGenerator[System]:
    running = System(tmp_path / "home", receiver.settings)
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
    assert receiver.authorizations == {f"Basic {base64.b64encode(':'.join(LANGFUSE_KEYS).encode()).decode()}"}

    secrets = [app["bot_token"], app["signing_secret"], LANGFUSE_KEYS[1], "v0=", "marmalade", "Bearer "]
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
