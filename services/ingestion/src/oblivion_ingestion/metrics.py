"""What ingestion counts. Labels hold names from our own code only, never a value from outside."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Metrics:
    """One set per process, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "oblivion_ingestion_deliveries",
            "Deliveries by source and outcome: accepted, handshake, ignored, or the code of a refusal.",
            ["source", "outcome"],
            registry=self.registry,
        )
        self.events_stored = Counter(
            "oblivion_ingestion_events_stored", "Rows that were new.", registry=self.registry
        )
        self.events_repeated = Counter(
            "oblivion_ingestion_events_repeated",
            "Accepted events that were stored before.",
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "oblivion_ingestion_commit_seconds",
            "From sending a batch to its commit.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batch_rows = Histogram(
            "oblivion_ingestion_batch_rows", "Events per commit.", buckets=ROWS, registry=self.registry
        )
        self.batches_split = Counter(
            "oblivion_ingestion_batches_split", "Failed batches repeated row by row.", registry=self.registry
        )
        self.relayed = Counter(
            "oblivion_ingestion_relayed", "Jobs added right after their commit.", registry=self.registry
        )
        self.relay_dropped = Counter(
            "oblivion_ingestion_relay_dropped",
            "Jobs left to the sweeper: Redis away, or the queue or the buffer long.",
            registry=self.registry,
        )
        self.swept = Counter(
            "oblivion_ingestion_swept", "Jobs added again by the sweeper.", registry=self.registry
        )
        self.socket_mode_connections = Gauge(
            "oblivion_ingestion_socket_mode_connections",
            "Slack Socket Mode connections by state.",
            ["state"],
            registry=self.registry,
        )
