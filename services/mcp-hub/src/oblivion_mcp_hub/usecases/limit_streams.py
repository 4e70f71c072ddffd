"""How many rests of answers may be waited for at once: each costs a place here while it is open."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.errors import TooManyStreams
from oblivion_mcp_hub.usecases.changes import LISTENERS_MAX

OF_A_CALLER_MAX = 20


class LimitStreams:
    """Of this process."""

    def __init__(self) -> None:
        self._open: Counter[object] = Counter()

    @contextmanager
    def one(self, caller: Caller) -> Generator[None]:
        """Raises: TooManyStreams."""
        theirs = (caller.tenant_id, caller.subject)
        for key, most in ((theirs, OF_A_CALLER_MAX), (caller.tenant_id, LISTENERS_MAX)):
            if self._open[key] >= most:
                raise TooManyStreams(most)
        keys = (theirs, caller.tenant_id)
        self._open.update(keys)
        try:
            yield
        finally:
            self._open.subtract(keys)
            for key in keys:
                if not self._open[key]:
                    del self._open[key]
