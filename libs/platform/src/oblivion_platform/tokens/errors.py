"""What can be wrong with a token."""

from oblivion_platform.errors import AuthenticationFailed


class TokenRefused(AuthenticationFailed):
    """401. One message for every reason: which one it was would help only whoever forges tokens."""

    def __init__(self) -> None:
        super().__init__("token_rejected", "The token is not valid here, or not any more. Get a new one.")
