"""Jira as apps with OAuth reach it: not at the site's own address but at Atlassian's, by the site's cloud id.

Source: https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
"""

from starlette.requests import Request

from oblivion_sandbox.jira.dialect import JiraDialect, refusal
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.service import Vendor
from oblivion_sandbox.vendor.wire import Call, Entry, bearer_token

CLOUD_ID = "11223344-a1b2-3b33-c444-def123456789"
SITE_URL = "https://sandbox.atlassian.net"


class AtlassianDialect(JiraDialect):
    """What tokens of OAuth are asked about."""

    prefix = "/jira/oauth"

    def check(self, vendor: Vendor, request: Request) -> None:
        if not vendor.opens_by_oauth(bearer_token(request)):
            raise refusal(401, "Unauthorized; scope does not match")


class JiraByOAuth(AtlassianDialect):
    """The API of the one site."""

    prefix = f"/jira/ex/jira/{CLOUD_ID}"


def accessible_resources(call: Call) -> list[Json]:
    scopes = ["read:jira-work", "write:jira-work"]
    site = {"id": CLOUD_ID, "url": SITE_URL, "name": "sandbox", "scopes": scopes, "avatarUrl": ""}
    return [site] if call.vendor.account else []


ATLASSIAN_ROUTES: tuple[Entry, ...] = (("GET", "/token/accessible-resources", accessible_resources),)
