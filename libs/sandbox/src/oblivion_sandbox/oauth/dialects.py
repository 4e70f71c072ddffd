"""How each vendor's authorisation server speaks.

Sources: https://docs.slack.dev/reference/methods/oauth.v2.access,
https://developers.notion.com/reference/create-a-token, https://linear.app/developers/oauth-2-0-authentication,
https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/,
https://developers.google.com/identity/protocols/oauth2/web-server
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from oblivion_sandbox.control_routes import json_response
from oblivion_sandbox.misbehave import Side
from oblivion_sandbox.oauth.grants import OAuthRefusal
from oblivion_sandbox.store import Json

ANY_WAY = frozenset({"none", "client_secret_post", "client_secret_basic"})


def standard_answer(grant: Json) -> Json:
    answer = {
        "access_token": grant["access_token"],
        "token_type": "Bearer",
        "expires_in": grant["ttl_s"],
        "scope": grant["scope"] or "",
    }
    return answer | ({"refresh_token": grant["refresh_token"]} if grant["refresh_token"] else {})


def standard_refusal(refused: OAuthRefusal) -> Response:
    return json_response({"error": refused.code}, refused.status)


def _slack_answer(grant: Json) -> Json:
    about = {"ok": True, "token_type": "bot", "app_id": "A0SANDBOX", "team": {"id": "T0SANDBOX"}}
    return standard_answer(grant) | about


_SLACK_WORDS = {"invalid_grant": "invalid_code", "invalid_client": "bad_client_secret"}


def _slack_refusal(refused: OAuthRefusal) -> Response:
    code = "invalid_refresh_token" if refused.is_renewal else _SLACK_WORDS.get(refused.code, refused.code)
    return json_response({"ok": False, "error": code})


def _notion_answer(grant: Json) -> Json:
    """It does not say when its tokens end."""
    answer = standard_answer(grant) | {
        "token_type": "bearer",
        "bot_id": grant["id"],
        "workspace_name": "Team",
    }
    return {name: value for name, value in answer.items() if name not in ("expires_in", "scope")}


@dataclass(frozen=True)
class OAuthDialect:
    """One server."""

    side: Side
    title: str
    authorize_path: str
    """Paths below the sandbox's own address."""
    redeem_path: str
    access_ttl_s: int = 3_600
    prefix: str = ""
    """Of access tokens."""
    ways: frozenset[str] = ANY_WAY
    """How apps may say who they are."""
    takes_json: bool = False
    answer: Callable[[Json], Json] = standard_answer
    refusal: Callable[[OAuthRefusal], Response] = standard_refusal
    gives_refresh: Callable[[Mapping[str, str]], bool] = lambda _asked: True
    needs_pkce: bool = False
    issuer: str | None = None
    """Path of a server that describes itself, and lets apps register themselves."""


SLACK = OAuthDialect(
    side="slack",
    title="Slack",
    authorize_path="/slack/oauth/v2/authorize",
    redeem_path="/slack/api/oauth.v2.access",
    access_ttl_s=43_200,
    prefix="xoxe.xoxb-1-",
    answer=_slack_answer,
    refusal=_slack_refusal,
)
NOTION = OAuthDialect(
    side="notion",
    title="Notion",
    authorize_path="/notion/v1/oauth/authorize",
    redeem_path="/notion/v1/oauth/token",
    prefix="ntn_",
    ways=frozenset({"client_secret_basic"}),
    takes_json=True,
    answer=_notion_answer,
)
LINEAR = OAuthDialect(
    side="linear",
    title="Linear",
    authorize_path="/linear/oauth/authorize",
    redeem_path="/linear/oauth/token",
    access_ttl_s=86_399,
    prefix="lin_oauth_",
)
JIRA = OAuthDialect(
    side="jira",
    title="Atlassian",
    authorize_path="/jira/authorize",
    redeem_path="/jira/oauth/token",
    gives_refresh=lambda asked: "offline_access" in asked.get("scope", "").split(),
)
CALENDAR = OAuthDialect(
    side="calendar",
    title="Google",
    authorize_path="/calendar/o/oauth2/v2/auth",
    redeem_path="/calendar/token",
    access_ttl_s=3_599,
    prefix="ya29.",
    gives_refresh=lambda asked: asked.get("access_type") == "offline",
)
AUTHORITY = OAuthDialect(
    side="authority",
    title="An authorisation server",
    authorize_path="/authority/authorize",
    redeem_path="/authority/token",
    needs_pkce=True,
    issuer="/authority",
)
"""For MCP servers of one's own."""
DIALECTS = (SLACK, NOTION, LINEAR, JIRA, CALENDAR, AUTHORITY)
