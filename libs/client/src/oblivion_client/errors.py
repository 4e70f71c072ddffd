"""What can go wrong in an agent. Each error's text says what to do next."""

import re
from uuid import UUID

_CODE = re.compile(r"^[a-z0-9_]{1,64}$")
_MESSAGE_LENGTH_MAX = 2_000


class ClientError(Exception):
    """Base of all errors of this package."""


class AgentMisconfigured(ClientError):
    """The agent cannot start as it is written or set up."""


class AgentNotConnected(ClientError):
    """No server is connected now: what was asked needs one."""


class MessageRefused(ClientError):
    """The server took the message and said no; sending it again will not help."""

    def __init__(self, event: str, code: str, detail: str) -> None:
        super().__init__(f"{event} was refused ({code}): {detail}")
        self.code = code
        self.detail = detail


class RunTakenAway(ClientError):
    """The run belongs to another replica now, or ended: nothing sent for it counts any more."""


class CheckpointTooLarge(ClientError):
    """What is to be stored exceeds the limit even compressed."""


class AgentFailure(ClientError):
    """Raise it in a handler to end the run as failed, in your own words for the person who asked."""

    def __init__(self, message: str, *, code: str = "agent_failed") -> None:
        if not _CODE.match(code):
            raise ValueError(f"{code!r} is no code: lower-case letters, digits and _ only, at most 64.")
        super().__init__(message)
        self.code = code
        self.message = message[:_MESSAGE_LENGTH_MAX]


class DelegationFailed(ClientError):
    """The agent that was given the work did not succeed; the text is what it said."""

    def __init__(self, run_id: UUID, text: str) -> None:
        super().__init__(text)
        self.run_id = run_id
