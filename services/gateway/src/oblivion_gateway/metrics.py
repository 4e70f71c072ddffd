"""What the gateway counts and times."""

from prometheus_client import Counter, Gauge, Histogram

from oblivion_platform.telemetry import LATENCY_BUCKETS_S

REQUESTS = Histogram(
    "oblivion_http_request_seconds",
    "Time to answer a REST request.",
    ["operation", "status"],
    buckets=LATENCY_BUCKETS_S,
)
TOKENS = Counter("oblivion_tokens_total", "Token requests.", ["outcome"])
STREAMS_OPEN = Gauge("oblivion_sse_connections", "Event streams that are open now.")
STREAM_SECONDS = Histogram(
    "oblivion_sse_connection_seconds",
    "How long event streams were open.",
    ["end"],
    buckets=(0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0),
)
