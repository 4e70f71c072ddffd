"""What verbs take that connect a tool server: how it proves itself, and the app that signs in."""

import os
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import SecretStr, ValidationError

from oblivion_cli.errors import UsageWrong
from oblivion_contracts.connections import OAuthClient

CLIENT_SECRET_VARIABLE = "OBLIVION_CLIENT_SECRET"  # noqa: S105 - the name of one

ClientId = Annotated[
    str | None,
    typer.Option(
        help="Of the app that you registered there, for a sign-in; OBLIVION_CLIENT_SECRET holds its secret, "
        "or it is asked for."
    ),
]
Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help="What to ask for, in place of what the tools need.")
]
Pkce = Annotated[
    bool, typer.Option("--pkce/--no-pkce", help="Off for an app at Slack that it was not turned on for.")
]


class Auth(StrEnum):
    """How a connection proves itself."""

    SECRET = "secret"  # noqa: S105 - a way
    OAUTH = "oauth"
    SIGNED_IDENTITY = "signed_identity"


def client_or_none(client_id: str | None, scopes: list[str] | None, *, pkce: bool) -> OAuthClient | None:
    """The app, with its secret from the environment or the keyboard; a public client has none.

    Raises: UsageWrong: something is said of an app, and not which.
    """
    if client_id is None:
        if scopes or not pkce:
            raise UsageWrong("--scope and --no-pkce are of an app.", "Name it too: --client-id ID.")
        return None
    secret = os.environ.get(CLIENT_SECRET_VARIABLE)
    if secret is None:
        secret = str(typer.prompt("Client secret (empty: it has none)", default="", hide_input=True))
    try:
        return OAuthClient(
            client_id=client_id,
            client_secret=SecretStr(secret) if secret else None,
            scopes=scopes or [],
            uses_pkce=pkce,
        )
    except ValidationError:
        raise UsageWrong(
            "This is no client id, secret or scope.", "See `oblivion connections add --help`."
        ) from None
