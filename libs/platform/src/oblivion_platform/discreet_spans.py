"""Spans without what may hold values: the words of errors, of SQL and HTTP, and queries of addresses."""

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status
from opentelemetry.util.types import Attributes

_ADDRESSES = ("url.full", "http.url", "http.target", "url.query")


class DiscreetProcessor(BatchSpanProcessor):
    """Sends spans in batches, each without its events and with the name of its error alone."""

    def on_end(self, span: ReadableSpan) -> None:
        super().on_end(without_words(span))


def without_words(span: ReadableSpan) -> ReadableSpan:
    asked = [name for name in _ADDRESSES if name in (span.attributes or {})]
    if not span.events and not span.status.description and not asked:
        return span
    name = (span.status.description or "").partition(":")[0]
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_without_queries(span.attributes),
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, name if name.isidentifier() else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_queries(attributes: Attributes) -> Attributes:
    """What follows `?` is what people search for."""
    shown = dict(attributes or {})
    for name in _ADDRESSES:
        if name in shown:
            shown[name] = "" if name == "url.query" else str(shown[name]).partition("?")[0]
    return shown
