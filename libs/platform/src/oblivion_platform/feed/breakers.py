"""Breakers that open and close → lines."""

from collections.abc import Callable
from uuid import UUID

from oblivion_platform.feed.lines import Line
from oblivion_platform.feed.writer import Teller


def telling_breakers(feed: Teller) -> Callable[[UUID, str, str], None]:
    """What `Breakers` calls when a state changes; half open is no news."""

    def changed(tenant_id: UUID, provider: str, state: str) -> None:
        if state == "opened":
            words = f"{provider} failed again and again, and is left alone for a while"
            feed.tell(tenant_id, Line("breaker.opened", words, "error", provider=provider))
        elif state == "closed":
            words = f"{provider} answers again"
            feed.tell(tenant_id, Line("breaker.closed", words, "notice", provider=provider))

    return changed
