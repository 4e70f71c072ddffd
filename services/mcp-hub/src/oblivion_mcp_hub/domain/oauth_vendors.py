"""How the vendors of built-in providers do OAuth, beside their addresses, which are settings.

Sources: https://docs.slack.dev/authentication/installing-with-oauth,
https://developers.notion.com/docs/authorization, https://linear.app/developers/oauth-2-0-authentication,
https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/,
https://developers.google.com/identity/protocols/oauth2/web-server
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oblivion_mcp_hub.domain.oauth import BASIC, NONE, POST, Client, Plan, TokenAuth


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a vendor wants."""

    scopes: tuple[str, ...]
    """What the provider's tools need."""
    separator: str = " "
    token_auth: TokenAuth = POST
    as_json: bool = False
    """Whether its token endpoint wants JSON in the place of a form."""
    more: Mapping[str, str] = field(default_factory=dict[str, str])


VENDORS: Mapping[str, Vendor] = {
    "slack": Vendor(
        (
            "channels:read",
            "channels:history",
            "groups:read",
            "groups:history",
            "chat:write",
            "users:read",
        ),
        separator=",",
    ),
    # What may be done is chosen in the integration's own settings, and which pages when one agrees.
    "notion": Vendor((), token_auth=BASIC, as_json=True, more={"owner": "user"}),
    "linear": Vendor(("read", "write"), separator=",", more={"prompt": "consent"}),
    "jira": Vendor(
        ("read:jira-work", "write:jira-work", "read:jira-user", "offline_access"),
        more={"audience": "api.atlassian.com", "prompt": "consent"},
    ),
    "google_calendar": Vendor(
        (
            "https://www.googleapis.com/auth/calendar.readonly",
            "https://www.googleapis.com/auth/calendar.events",
        ),
        # Without both, Google gives no refresh token the second time.
        more={"access_type": "offline", "prompt": "consent"},
    ),
}


@dataclass(frozen=True, slots=True)
class VendorAddresses:
    """Where people agree, and where tokens are had."""

    authorization_url: str
    token_url: str


def vendor_plan(vendor: Vendor, at: VendorAddresses, client: Client, redirect_uri: str) -> Plan:
    """The sign-in at a vendor by the app that an admin registered there."""
    return Plan(
        authorization_endpoint=at.authorization_url,
        token_endpoint=at.token_url,
        redirect_uri=redirect_uri,
        client_id=client.client_id,
        token_auth=NONE if client.client_secret is None else vendor.token_auth,
        scope=vendor.separator.join(client.scopes or vendor.scopes) or None,
        uses_pkce=client.uses_pkce,
        as_json=vendor.as_json,
        more=dict(vendor.more),
    )
