"""Where people sign in at the vendors of built-in providers."""

from pydantic import Field

from oblivion_mcp_hub.domain.oauth_vendors import VENDORS, VendorAddresses
from oblivion_platform.settings import ServiceUrl, Settings


class SignInSettings(Settings):
    """Each vendor's own addresses, unless something else stands in."""

    slack_authorization_url: ServiceUrl = Field(
        default="https://slack.com/oauth/v2/authorize", description="Where people agree at Slack."
    )
    slack_token_url: ServiceUrl = Field(
        default="https://slack.com/api/oauth.v2.access", description="Where Slack's tokens are had."
    )
    notion_authorization_url: ServiceUrl = Field(
        default="https://api.notion.com/v1/oauth/authorize", description="Where people agree at Notion."
    )
    notion_token_url: ServiceUrl = Field(
        default="https://api.notion.com/v1/oauth/token", description="Where Notion's tokens are had."
    )
    linear_authorization_url: ServiceUrl = Field(
        default="https://linear.app/oauth/authorize", description="Where people agree at Linear."
    )
    linear_token_url: ServiceUrl = Field(
        default="https://api.linear.app/oauth/token", description="Where Linear's tokens are had."
    )
    jira_authorization_url: ServiceUrl = Field(
        default="https://auth.atlassian.com/authorize", description="Where people agree at Atlassian."
    )
    jira_token_url: ServiceUrl = Field(
        default="https://auth.atlassian.com/oauth/token", description="Where Atlassian's tokens are had."
    )
    atlassian_api_url: ServiceUrl = Field(
        default="https://api.atlassian.com",
        description="Where Jira is reached with tokens of Atlassian's OAuth.",
    )
    google_calendar_authorization_url: ServiceUrl = Field(
        default="https://accounts.google.com/o/oauth2/v2/auth", description="Where people agree at Google."
    )
    google_calendar_token_url: ServiceUrl = Field(
        default="https://oauth2.googleapis.com/token", description="Where Google's tokens are had."
    )

    @property
    def sign_in_addresses(self) -> dict[str, VendorAddresses]:
        """Of each provider that people can sign in at."""
        return {
            name: VendorAddresses(
                getattr(self, f"{name}_authorization_url"), getattr(self, f"{name}_token_url")
            )
            for name in VENDORS
        }
