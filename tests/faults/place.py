"""Where people work in one schedule."""

import time
from dataclasses import dataclass, field


@dataclass
class Place:
    """The linked list and channel of one schedule."""

    list_id: str
    channel: str
    questions: str
    """The channel where people ask the agents; it is linked to nothing."""
    bot: str
    """The app's user id."""
    direct: str = ""
    """A person's conversation with the app; without one nobody writes there."""
    agent: str = ""
    """One that does what `tests.faults.agent` does; without it people ask the squad alone."""
    began_at: float = field(default_factory=time.time)
    """What is older, in the conversation and in the database, is of other schedules."""
