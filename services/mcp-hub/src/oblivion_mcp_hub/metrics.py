"""What the hub counts and times. Labels come from our own registry, never from a request."""

from prometheus_client import Counter, Histogram

from oblivion_platform.telemetry import LATENCY_BUCKETS_S

TOOL_CALLS = Histogram(
    "oblivion_tool_call_seconds",
    "Time of one tool call, from request to result.",
    ["provider", "outcome"],
    buckets=LATENCY_BUCKETS_S,
)
REFUSALS = Counter("oblivion_tool_refusals_total", "Tool calls that policy did not let through.", ["code"])
LISTINGS = Histogram(
    "oblivion_tool_listing_seconds",
    "Time that a tool server took to list its tools.",
    ["provider", "outcome"],
    buckets=LATENCY_BUCKETS_S,
)
