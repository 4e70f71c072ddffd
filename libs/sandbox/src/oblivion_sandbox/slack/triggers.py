"""trigger_ids: proof that a person just did something, good once and for three seconds."""

import secrets
import time
from dataclasses import dataclass

from oblivion_sandbox.slack.errors import SlackError

MOST_KEPT = 10_000


@dataclass
class _Trigger:
    user: str
    view_id: str | None
    until_s: float
    used: bool = False


class Triggers:
    """Handed out with each interaction; a restart forgets them, as three seconds would."""

    def __init__(self) -> None:
        self._triggers: dict[str, _Trigger] = {}

    def issue(self, user: str, life_s: float, view_id: str | None = None) -> str:
        while len(self._triggers) >= MOST_KEPT:
            self._triggers.pop(next(iter(self._triggers)))
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = _Trigger(user, view_id, time.monotonic() + life_s)
        return trigger_id

    def redeem(self, trigger_id: str) -> tuple[str, str | None]:
        """Whose deed it was, and in which view.

        Raises:
            SlackError: invalid_trigger_id, expired_trigger_id or exchanged_trigger_id.
        """
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() > trigger.until_s:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user, trigger.view_id
