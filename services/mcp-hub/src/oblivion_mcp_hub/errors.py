"""What can go wrong between a caller and a tool, by what happens next."""

from http import HTTPStatus
from typing import Any

from oblivion_contracts.connections import AuthKind
from oblivion_platform.errors import (
    AuthenticationFailed,
    DependencyUnavailable,
    OblivionFailure,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)

_REFUSED: dict[AuthKind, str] = {
    "secret": "the stored secret. An admin has to replace it.",
    "oauth": "what its sign-in gives. An admin may have to sign in with other rights, or as somebody else.",
    "signed_identity": "the identity that we sign. Does it check the key set, issuer and audience of ours?",
}


class RequestMalformed(PermanentFailure):
    """400: it can never be understood."""

    http_status = HTTPStatus.BAD_REQUEST


class RequestInvalid(PermanentFailure):
    """422: understood, and cannot be meant."""

    http_status = HTTPStatus.UNPROCESSABLE_ENTITY


class ConnectionInvalid(PermanentFailure):
    """422: such a connection cannot work; says what to change."""

    def __init__(self, detail: str) -> None:
        super().__init__("connection_invalid", detail)


class DefinitionMoved(PermanentFailure):
    """409: what somebody looked at before they approved is not what the server says by now."""

    http_status = HTTPStatus.CONFLICT

    def __init__(self, tool: str) -> None:
        super().__init__(
            "definition_moved", f"{tool} is not what you looked at any more. Look at it again, then approve."
        )


class AddressRefused(PermanentFailure):
    """A tool server's address is none that the hub may reach."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "address_refused",
            f"{host} is at a private address. If that is meant, the operator adds its network to "
            "OBLIVION_MCP_ALLOWED_NETWORKS.",
        )


class TooManyRequests(RateLimited):
    """429 with Retry-After."""

    def __init__(self, most: int, whose: str, wait_s: float) -> None:
        super().__init__(
            "too_many_requests", f"More than {most} requests a minute by {whose}. Wait a little.", wait_s
        )


class TooManyStreams(RateLimited):
    """429: of those that stay open."""

    def __init__(self, most: int) -> None:
        super().__init__("too_many_streams", f"{most} streams of your team are open already.", 15.0)


class RunNotHeld(PermanentFailure):
    """The run is over, or somebody else's by now: its token opens nothing."""

    http_status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(
            "run_not_held", "The run is over or was given to another replica; stop working on it."
        )


class CallRefused(PermanentFailure):
    """A call that policy does not let through; the sentence is for the model."""


class ApprovalNeeded(CallRefused):
    """A named member has to agree to exactly this call first."""

    def __init__(self, tool: str) -> None:
        super().__init__(
            "approval_needed",
            f"Somebody who is no member has a say in this conversation, so a member has to allow {tool} with "
            "exactly these arguments first. Ask for approval, and call again once it is given.",
        )


class TooManyCalls(CallRefused):
    """The agent's limit for one run is used up."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "too_many_calls", f"This run has used all its {most} tool calls. Answer with what you have."
        )


class ServerAway(DependencyUnavailable):
    """A tool server cannot be reached, or broke off. Counts against it."""

    doubt = " Is that address right?"

    def __init__(self, connection: str, why: str, *, at: str | None = None) -> None:
        super().__init__("server_away", f"{connection} does not answer ({why}).")
        self.for_admins = (
            self.message if at is None else f"{connection} does not answer at {at} ({why}).{self.doubt}"
        )


class ServerBrokeOff(ServerAway):
    """It was asked, and no answer came: a change may have been carried out."""

    doubt = ""


class NothingThere(DependencyUnavailable):
    """Where a tool server should be, something else answers. Counts against it."""

    def __init__(self, connection: str) -> None:
        super().__init__(
            "server_away", f"{connection} answered 404; is the path right? MCP servers are often at /mcp."
        )


class ServerMisbehaved(TransientFailure):
    """A tool server answered what no server may. Counts against it."""

    def __init__(self, connection: str, what: str) -> None:
        super().__init__("server_misbehaved", f"{connection} {what}.")


class ServerRefused(AuthenticationFailed):
    """A tool server does not take our credential."""

    http_status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(
        self, connection: str, auth: AuthKind = "secret", *, has_secret: bool = True, knows_us: bool = False
    ) -> None:
        """`knows_us`: it takes the credential, and not for this."""
        words = f"does not accept {_REFUSED[auth]}"
        if auth == "secret" and not has_secret:
            words = (
                "asks for a key or token, and none is stored. An admin gives one: "
                f"oblivion connections set {connection} --secret"
            )
        super().__init__("server_refused", f"{connection} {words}")
        self.knows_us = knows_us and (has_secret or auth != "secret")


class ServerDeclined(PermanentFailure):
    """A tool server's own answer to a request that it does not take, as the protocol has it.

    `words`: the server's, for whoever asked.
    """

    def __init__(self, code: int, words: str, data: Any = None) -> None:
        super().__init__("declined_by_server", words)
        self.rpc_code = code
        self.rpc_data = data


def for_admins(failure: OblivionFailure) -> str:
    """What is wrong, with the address, which nobody else is told."""
    return failure.for_admins if isinstance(failure, ServerAway) else failure.message


def for_logs(failure: OblivionFailure) -> str:
    """The same without words of a server's, which may repeat what it was shown."""
    return failure.code if isinstance(failure, ServerDeclined) else for_admins(failure)


def is_of_credential(failure: OblivionFailure) -> bool:
    """Whether no call can succeed until somebody gives another credential."""
    knows_us = isinstance(failure, ServerRefused) and failure.knows_us
    return isinstance(failure, AuthenticationFailed) and not knows_us
