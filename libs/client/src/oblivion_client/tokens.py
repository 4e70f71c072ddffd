"""The agent's access token: asked for with its credentials, kept until shortly before its end."""

import random
import time
from collections.abc import Callable
from typing import Any, cast

import httpx

from oblivion_client.configuration import Configuration

RENEWED_BETWEEN = (0.7, 0.85)
"""Of its lifetime: before its end, and not all agents of a restarted server at once."""


class SignInFailed(Exception):
    """No token could be had; the text says why and what to do."""


class Tokens:
    """Client credentials in, access token out (OAuth 2, RFC 6749 section 4.4)."""

    def __init__(
        self,
        configuration: Configuration,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configuration = configuration
        self._http = http
        self._clock = clock
        self._token: str | None = None
        self._renew_at = 0.0

    @property
    def renew_in_s(self) -> float:
        """When the token should be replaced."""
        return max(0.0, self._renew_at - self._clock())

    def reject(self) -> None:
        """The server did not take the token: the next one is a new one."""
        self._token = None

    async def token(self) -> str:
        """A token that is good for a while.

        Raises:
            SignInFailed: none can be had now.
        """
        if self._token is None or self.renew_in_s == 0:
            await self._ask()
        return cast("str", self._token)

    async def _ask(self) -> None:
        uri = self._configuration.uri
        form = {
            "grant_type": "client_credentials",
            "client_id": self._configuration.agent_id,
            "client_secret": self._configuration.agent_secret,
        }
        try:
            response = await self._http.post(f"{uri}/auth/token", data=form)
        except httpx.HTTPError as error:
            raise SignInFailed(f"{uri} does not answer ({type(error).__name__}).") from error
        if response.status_code in (400, 401, 403):
            raise SignInFailed(
                f"{uri} does not take AGENT_ID {self._configuration.agent_id} with its AGENT_SECRET (HTTP "
                f"{response.status_code}). Make a new secret with `oblivion agents secret`, or check that "
                "the agent is not disabled."
            )
        self._keep(response)

    def _keep(self, response: httpx.Response) -> None:
        try:
            body: Any = response.raise_for_status().json()
            token, lifetime_s = str(body["access_token"]), float(body.get("expires_in", 900))
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError):
            raise SignInFailed(
                f"{self._configuration.uri} gives no token (HTTP {response.status_code})."
            ) from None
        self._token = token
        # Spreads agents, guards nothing.
        self._renew_at = self._clock() + lifetime_s * random.uniform(*RENEWED_BETWEEN)  # noqa: S311
