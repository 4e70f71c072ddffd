"""`cache_s` of a connection's settings: for how long what its tools answered may answer again."""

from collections.abc import Mapping
from typing import Any

CACHE_SETTING = "cache_s"
CACHE_MAX_S = 3_600
SENTENCE = f"{CACHE_SETTING} is a whole number of seconds from 0 (no cache) to {CACHE_MAX_S}."


def cached_for_s(settings: Mapping[str, Any]) -> int:
    """0: not at all.

    Raises:
        ValueError: it is no such number.
    """
    value = settings.get(CACHE_SETTING, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= CACHE_MAX_S:
        raise ValueError(SENTENCE)
    return value


def without_cache(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the provider itself is to judge."""
    return {name: value for name, value in settings.items() if name != CACHE_SETTING}
