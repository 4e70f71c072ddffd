"""Where spans and the model's conversations go: to a collector, to Langfuse, or nowhere.

The two are apart. A collector is given names, durations and counts. What was said goes to Langfuse alone, in
the same trace, as a generation with its model, its tokens, its input and its output.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from oblivion_agent.settings import Settings

if TYPE_CHECKING:
    from langchain_core.callbacks import BaseCallbackHandler
    from opentelemetry.sdk.trace import TracerProvider

EXPORTED_WITHIN_S = 5

Watchers = Callable[[], "Sequence[BaseCallbackHandler]"]
"""Makes those who follow one question to a model."""


class Telemetry:
    """What this process tells of itself; `close` sends the last of it, and blocks for some seconds."""

    def __init__(self, watchers: Watchers, closings: Sequence[Callable[[], None]]) -> None:
        self.watchers = watchers
        self._closings = closings

    def close(self) -> None:
        for closing in self._closings:
            closing()


def start_telemetry(settings: Settings) -> Telemetry:
    """Send what the settings name; without them nothing of it is loaded."""
    closings: list[Callable[[], None]] = []
    if settings.otlp_endpoint is not None:
        closings.append(_send_spans(settings.otlp_endpoint))
    if settings.langfuse_public_key is None or settings.langfuse_secret_key is None:
        return Telemetry(tuple, closings)
    watchers, flush = _tell_langfuse(
        settings.langfuse_public_key, settings.langfuse_secret_key.get_secret_value(), settings.langfuse_host
    )
    return Telemetry(watchers, [*closings, flush])


def _send_spans(endpoint: str) -> Callable[[], None]:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    from oblivion_agent.discreet_spans import DiscreetProcessor

    provider = _provider()
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORTED_WITHIN_S)
    provider.add_span_processor(DiscreetProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _tell_langfuse(public_key: str, secret_key: str, host: str) -> tuple[Watchers, Callable[[], None]]:
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler

    # A provider of its own: what was said must not reach the collector, nor the collector's spans Langfuse.
    client = Langfuse(
        public_key=public_key,
        secret_key=secret_key,
        base_url=host,
        timeout=EXPORTED_WITHIN_S,
        tracer_provider=_provider(),
    )

    def watchers() -> list[Any]:
        return [CallbackHandler(public_key=public_key)]

    return watchers, client.shutdown


def _provider() -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    resource = Resource.create({"service.name": "oblivion-agent", "service.namespace": "oblivion"})
    return TracerProvider(resource=resource)
