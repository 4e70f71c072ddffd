"""What can go wrong while somebody signs a connection in, or afterwards, by what happens next."""

from http import HTTPStatus

from oblivion_platform.errors import (
    AuthenticationFailed,
    DependencyUnavailable,
    PermanentFailure,
    TransientFailure,
)

NEVER = "is not signed in yet"
AGAIN = "has to be signed in again: its sign-in was ended, or ran out"


class SignInMissing(AuthenticationFailed):
    """The connection has no tokens, or none that work: somebody has to sign in."""

    http_status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, connection: str, why: str) -> None:
        super().__init__(
            "sign_in_again",
            f"{connection} {why}. An admin runs: oblivion connections connect {connection}",
        )


class SignInRefused(PermanentFailure):
    """422: a sign-in that cannot be begun, or that came to nothing; says what to do."""

    http_status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, detail: str, code: str = "sign_in_refused") -> None:
        super().__init__(code, detail)


class GrantRefused(PermanentFailure):
    """The authorisation server refuses the code or the refresh token; `reason` is its code."""

    def __init__(self, reason: str) -> None:
        super().__init__("grant_refused", f"The authorisation server refuses it ({reason}).")
        self.reason = reason


class RenewalRefused(DependencyUnavailable):
    """The authorisation server does not renew now, and did not say that the sign-in is over: it is kept."""

    def __init__(self, connection: str, reason: str) -> None:
        super().__init__(
            "renewal_refused",
            f"The sign-in of {connection} is not renewed there ({reason}). Are client id and secret still "
            f"those that are registered? If so, an admin runs: oblivion connections connect {connection}",
        )
        self.reason = reason


class ConnectionChanged(TransientFailure):
    """Who asks holds the connection as it was: what it proves itself with is for what it is now."""

    def __init__(self, connection: str) -> None:
        super().__init__("connection_changed", f"{connection} was changed a moment ago. Try again.")


class AuthorizationServerAway(DependencyUnavailable):
    """Nothing is known to have been granted; it may be tried again."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__("authorization_server_away", f"The sign-in at {host} does not answer ({why}).")
