"""What can be wrong with a message of an agent; each is the `problem` of its acknowledgement."""

import math
from collections.abc import Sequence
from datetime import datetime

from oblivion_platform.errors import PermanentFailure, RateLimited, TransientFailure


class MessageNotUnderstood(PermanentFailure):
    """400: not of its contract. Names the fields, never what they held."""

    http_status = 400

    def __init__(self, event: str, fields: Sequence[str]) -> None:
        super().__init__(
            "message_invalid", f"{event}: missing or wrong: {', '.join(fields) or 'the message'}."
        )


class MessageTooLarge(PermanentFailure):
    """413: what a contract leaves open is bounded all the same."""

    http_status = 413

    def __init__(self, event: str, bytes_max: int) -> None:
        super().__init__("message_too_large", f"{event}: more than {bytes_max} bytes of context and state.")


class GatewayEnds(TransientFailure):
    """503: this process is about to end; another one takes the agent."""

    http_status = 503

    def __init__(self) -> None:
        super().__init__("gateway_ends", "This gateway is about to end. Connect again.", 0.5)


class EventUnknown(PermanentFailure):
    """404: agents send no such event."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("event_unknown", "There is no such event. Upgrade the server, or the agent.")


class HelloNeeded(PermanentFailure):
    """409: an agent introduces itself before anything else."""

    http_status = 409

    def __init__(self) -> None:
        super().__init__("hello_needed", "Send agent.hello first.")


class TooManyBadTokens(RateLimited):
    """429: nothing of this address is looked at for a while."""

    http_status = 429

    def __init__(self, wait_s: float) -> None:
        super().__init__(
            "too_many_requests",
            "Too many tokens from this address were refused; none is looked at "
            f"for the next {math.ceil(wait_s)} s.",
            wait_s,
        )


class TooManyEvents(RateLimited):
    """429: this socket sends faster than it may."""

    http_status = 429

    def __init__(self, wait_s: float) -> None:
        super().__init__("too_many_events", "This connection sends too many events. Wait a little.", wait_s)


class Muted(RateLimited):
    """429: the agent said too much; its answers are still taken."""

    http_status = 429

    def __init__(self, until: datetime, wait_s: float) -> None:
        super().__init__("agent_muted", f"The agent is muted until {until:%H:%M:%S} UTC.", wait_s)


class AgentGone(PermanentFailure):
    """403: the agent was disabled or removed."""

    http_status = 403

    def __init__(self) -> None:
        super().__init__("agent_disabled", "This agent is disabled. Ask an admin of your tenant.")


class AgentUnknown(PermanentFailure):
    """404: work cannot be handed to somebody who does not exist."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("agent_unknown", "There is no active agent of that name.")


class TooManyHops(PermanentFailure):
    """409: work was handed on too often."""

    http_status = 409

    def __init__(self, most: int) -> None:
        super().__init__(
            "hops_exceeded", f"This work may be handed on {most} times, and was. Do it yourself."
        )


class TooManyOfRun(PermanentFailure):
    """409: one run asked, or handed on, as often as any may."""

    http_status = 409

    def __init__(self, what: str, most: int) -> None:
        super().__init__("run_limit_reached", f"One run may have at most {most} {what}.")


class TooManySockets(TransientFailure):
    """429: the agent has as many connections here as one may."""

    http_status = 429

    def __init__(self, most: int) -> None:
        super().__init__("too_many_sockets", f"This agent has {most} connections to this gateway.", 30.0)


class SessionNotYours(PermanentFailure):
    """404: another person's conversation, or none."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("session_unknown", "There is no such session of the person who asked.")


class HistoryNotSetUp(PermanentFailure):
    """404: nothing is indexed here."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("history_not_set_up", "There is no history index: set OBLIVION_QDRANT_URL.")
