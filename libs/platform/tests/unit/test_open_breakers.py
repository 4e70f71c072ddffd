"""Breakers that are open, from what processes left in Redis."""

from oblivion_platform.feed.open_breakers import HEARD_WITHIN_S, breaker_field, open_breakers

NOW = 1_700_000_000.0


def test_processes_of_a_service_are_one_breaker_and_silent_ones_are_none() -> None:
    fields = [
        (breaker_field("router-worker", "a", "clickup"), str(NOW - 30)),
        (breaker_field("router-worker", "b", "clickup"), str(NOW - 5)),
        (breaker_field("mcp-hub", "c", "wiki|of us"), str(NOW - 60)),
        (breaker_field("mcp-hub", "killed", "notion"), str(NOW - HEARD_WITHIN_S - 1)),
        ("of-a-later-version|d|linear", str(NOW)),
    ]
    found = open_breakers(fields, NOW)
    assert [(each.provider, each.source, each.processes) for each in found] == [
        ("clickup", "router-worker", 2),
        ("wiki|of us", "mcp-hub", 1),
    ]
    assert found[0].opened_at.timestamp() == NOW - 5
