"""What the observer counts."""

from prometheus_client import Counter

ANSWERS = Counter(
    "oblivion_page_answers_total",
    "Answers to browsers: index, file, unchanged, unknown (a file of another version), unbuilt.",
    ["kind"],
)
