"""How long to wait before the next try: exponential, bounded, and never two at the same moment."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first_s`, then `factor` times the last, at most `most_s`; up to the share `jitter` is added on top."""

    first_s: float = 2.0
    factor: float = 2.0
    most_s: float = 300.0
    jitter: float = 0.5

    def delay_s(self, attempts_made: int) -> float:
        """The wait after the `attempts_made`-th failure (1 is the first)."""
        # Bounded exponent: a row that failed for months must not overflow a float.
        plain_s = min(self.most_s, self.first_s * self.factor ** min(attempts_made - 1, 64))
        return plain_s * (1 + random.uniform(0, self.jitter))  # noqa: S311 - no secret


HTTP_BACKOFF = Backoff(first_s=1.0, factor=2.0, most_s=10.0, jitter=0.1)
"""Between the tries of one HTTP call."""
