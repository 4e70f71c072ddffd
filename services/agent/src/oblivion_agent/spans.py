"""Spans of what the agent does: names, models and counts, never what is said. Nothing without `telemetry`."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

StateT = TypeVar("StateT")
ChangeT = TypeVar("ChangeT")

_tracer = trace.get_tracer("oblivion_agent")


@contextmanager
def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: AttributeValue
) -> Generator[trace.Span]:
    """A span around the block; of an error only its name is told."""
    with _tracer.start_as_current_span(
        name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as begun:
        try:
            yield begun
        except Exception as error:
            begun.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def model_span(model: str) -> AbstractContextManager[trace.Span]:
    """One question to a model, named as OpenTelemetry names it.

    Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
    """
    provider, _, name = model.rpartition(":")
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": name,
    }
    return span(f"chat {name}", SpanKind.CLIENT, **attributes)


def note_tokens(begun: trace.Span, input_tokens: int, output_tokens: int) -> None:
    begun.set_attribute("gen_ai.usage.input_tokens", input_tokens)
    begun.set_attribute("gen_ai.usage.output_tokens", output_tokens)


def as_span(
    name: str, step: Callable[[StateT], Awaitable[ChangeT]]
) -> Callable[[StateT], Awaitable[ChangeT]]:
    """The step of a graph, with a span around it."""

    async def traced(state: StateT) -> ChangeT:
        with span(name):
            return await step(state)

    return traced
