"""What sign-ins are counted by."""

from prometheus_client import Counter

RENEWALS = Counter(
    "oblivion_sign_in_renewals_total",
    "Tokens of connections that were to be renewed.",
    ["provider", "outcome"],
)
