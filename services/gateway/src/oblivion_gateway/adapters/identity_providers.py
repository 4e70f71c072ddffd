"""OpenID Connect by Authlib: discovery, authorization code with PKCE, nonce and state; verified id tokens.

Slack speaks it too: its claims name workspace and user.
Source: https://docs.slack.dev/authentication/sign-in-with-slack
"""

# Authlib ships no types: this is the one module that touches it.
# pyright: basic

from typing import Literal

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from oblivion_gateway.domain.identities import Identity
from oblivion_gateway.settings import Settings
from oblivion_platform.errors import AuthenticationFailed, DependencyUnavailable
from oblivion_platform.logging import get_logger

TIMEOUT_S = 10.0
_SLACK = "https://slack.com"

_log = get_logger(__name__)


class SignInFailed(AuthenticationFailed):
    """401: the provider's answer does not prove who somebody is. Why is in the log alone."""

    def __init__(self) -> None:
        super().__init__("sign_in_failed", "Signing in did not work. Begin again at the sign-in page.")


class IdentityProviders:
    """Those that the settings name: `oidc`, `slack`, both or none."""

    def __init__(self, settings: Settings) -> None:
        self._oauth = OAuth()
        self.names: list[Literal["oidc", "slack"]] = []
        if settings.oidc_issuer and settings.oidc_client_id:
            secret = settings.oidc_client_secret.get_secret_value()
            self._register("oidc", settings.oidc_issuer, settings.oidc_client_id, secret)
        if settings.slack_client_id:
            secret = settings.slack_client_secret.get_secret_value()
            self._register("slack", settings.slack_issuer, settings.slack_client_id, secret)

    async def begin(self, name: str, request: Request, redirect_uri: str) -> Response:
        """Send the browser to the provider.

        Raises:
            DependencyUnavailable: the provider does not answer.
        """
        try:
            return await self._oauth.create_client(name).authorize_redirect(request, redirect_uri)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise _away(error) from None

    async def finish(self, name: str, request: Request) -> Identity:
        """Who it is that the provider sent back.

        Raises:
            SignInFailed: nothing is proved.
            DependencyUnavailable: the provider does not answer.
        """
        try:
            token = await self._oauth.create_client(name).authorize_access_token(request)
            claims = dict(token["userinfo"])
            return _slack(claims) if name == "slack" else _oidc(claims)
        except httpx.HTTPError as error:
            raise _away(error) from None
        except (AuthlibBaseError, JoseError, KeyError, ValueError, TypeError) as error:
            _log.info("sign-in failed", provider=name, cause=type(error).__name__)
            raise SignInFailed from None

    def _register(self, name: Literal["oidc", "slack"], issuer: str, client_id: str, secret: str) -> None:
        self._oauth.register(
            name,
            client_id=client_id,
            client_secret=secret or None,
            server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "timeout": TIMEOUT_S,
            },
        )
        self.names.append(name)


def _oidc(claims: dict) -> Identity:
    return Identity("oidc", f"{claims['iss']} {claims['sub']}", _name(claims), _verified_email(claims))


def _slack(claims: dict) -> Identity:
    team, user = str(claims[f"{_SLACK}/team_id"]), str(claims[f"{_SLACK}/user_id"])
    return Identity("slack", f"{team}:{user}", _name(claims), _verified_email(claims), team)


def _name(claims: dict) -> str:
    return str(claims.get("name") or claims.get("preferred_username") or "")


def _verified_email(claims: dict) -> str | None:
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else None


def _away(error: Exception) -> DependencyUnavailable:
    return DependencyUnavailable(
        "identity_provider_unavailable", f"The identity provider does not answer ({type(error).__name__})."
    )
