"""Which spans are worth sending: those of a piece of work, from whatever began it.

Sweeps and blocking reads ask Postgres and Redis all day without a piece of work behind them; each such
question would be a trace of its own.
"""

# ruff: noqa: ARG002 - The signature is OpenTelemetry's.

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler


def only_work() -> "Sampler":
    """Follow the parent's decision; of spans without a parent, leave out the calls to others.

    What another process sends us is work even where its own call was left out.
    """
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

    class Roots(Sampler):
        def should_sample(
            self,
            parent_context: Context | None,
            trace_id: int,
            name: str,
            kind: SpanKind | None = None,
            attributes: Attributes = None,
            links: Sequence[Link] | None = None,
            trace_state: TraceState | None = None,
        ) -> SamplingResult:
            decision = Decision.DROP if kind is SpanKind.CLIENT else Decision.RECORD_AND_SAMPLE
            return SamplingResult(decision, attributes)

        def get_description(self) -> str:
            return "RootsOfWork"

    return ParentBased(root=Roots(), remote_parent_not_sampled=Roots())
