"""What the operator counts."""

from prometheus_client import Counter, Gauge, Histogram

from oblivion_platform.telemetry import LATENCY_BUCKETS_S

LEADING = Gauge("oblivion_operator_leading", "1: this operator acts; 0: another one does.")
AGENTS = Gauge("oblivion_operator_agents", "Agent resources, by phase.", ["phase"])
TENDED = Histogram(
    "oblivion_operator_tend_seconds",
    "Time to look after one Agent, by outcome.",
    ["outcome"],
    buckets=LATENCY_BUCKETS_S,
)
WOKEN = Counter("oblivion_operator_woken_total", "Sleeping agents that were woken by work.")
CONDITIONS_TURNED = Counter(
    "oblivion_operator_conditions_total", "Turns of a condition, by its new reason.", ["condition", "reason"]
)
API_CALLS = Counter(
    "oblivion_operator_api_calls_total", "Calls of the cluster's API, by verb and kind.", ["verb", "kind"]
)
