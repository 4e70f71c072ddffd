"""What vendors have to be asked once somebody signed in: which Jira site the tokens are for.

Source: https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/#3-1--get-the-cloudid-for-your-site
"""

import re

from oblivion_mcp_hub.domain.oauth import Tokens
from oblivion_mcp_hub.oauth_errors import AuthorizationServerAway, SignInRefused
from oblivion_mcp_hub.providers.http import Answer, Json, opened
from oblivion_mcp_hub.providers.jira.session import VOICE
from oblivion_mcp_hub.providers.reading import as_objects, as_text
from oblivion_platform.errors import OblivionFailure, TransientFailure

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class VendorSites:
    """Implements `oauth_ports.VendorAccounts`."""

    def __init__(self, atlassian_api_url: str) -> None:
        self._atlassian_api_url = atlassian_api_url.rstrip("/")

    async def settings_of(
        self, provider: str, settings: dict[str, object], tokens: Tokens, /
    ) -> dict[str, object]:
        if provider != "jira":
            return {}
        sites = await self._jira_sites(tokens.access_token)
        chosen = _chosen(sites, settings.get("site"))
        return {
            "api_url": f"{self._atlassian_api_url}/ex/jira/{as_text(chosen.get('id'))}",
            "site_url": as_text(chosen.get("url")),
        }

    async def _jira_sites(self, access_token: str) -> list[Json]:
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            async with opened(VOICE, self._atlassian_api_url, headers, _refusal) as http:
                return as_objects(await http.get("/oauth/token/accessible-resources"))
        except TransientFailure as away:
            raise AuthorizationServerAway("Atlassian", away.code) from None


def _chosen(sites: list[Json], wanted: object) -> Json:
    """Raises: SignInRefused: nothing was granted, or it is not said which."""
    usable = [site for site in sites if _is_id(site.get("id"))]
    fitting = [site for site in usable if as_text(site.get("url")) == f"https://{wanted}.atlassian.net"]
    if fitting or (not wanted and len(usable) == 1):
        return (fitting or usable)[0]
    known = ", ".join(as_text(site.get("url"))[:80] for site in usable[:10])
    raise SignInRefused(
        f"Atlassian gave access to: {known or 'no site'}. Set the connection's `site` to what stands before "
        ".atlassian.net, agree to that one, and sign in again."
    )


def _is_id(value: object) -> bool:
    """It goes into a path."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _refusal(answer: Answer) -> OblivionFailure:
    return SignInRefused(f"Atlassian does not tell which sites the tokens are for (HTTP {answer.status}).")
