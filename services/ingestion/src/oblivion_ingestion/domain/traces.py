"""W3C trace context, as a string: https://www.w3.org/TR/trace-context/#traceparent-header."""

import random
import re

from oblivion_contracts.jobs import TRACEPARENT_PATTERN

_TRACEPARENT = re.compile(TRACEPARENT_PATTERN.encode())


def traceparent_of(header: bytes | None) -> str:
    """The sender's trace when it has a valid one, else the beginning of a new, sampled trace."""
    if header is not None and _TRACEPARENT.fullmatch(header):
        return header.decode("ascii")
    return f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-01"
