"""The wall clock, in the units that the two services speak."""

import time


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def now_us() -> int:
    return time.time_ns() // 1_000


def now_s() -> int:
    return int(time.time())
