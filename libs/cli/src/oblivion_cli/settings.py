"""What the command line reads from the environment. Beside a running `oblivion up`, none of it is needed."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from oblivion_platform.settings import (
    EncryptionKey,
    EncryptionKeys,
    KeyServiceSettings,
    PostgresDsn,
    RedisDsn,
    ServiceUrl,
)


def _without_slash(url: str) -> str:
    return url.rstrip("/")


class CliSettings(KeyServiceSettings):
    """Where the system is that the verbs work on; what is not set is taken from the system that runs here."""

    database_url: PostgresDsn | None = Field(
        default=None,
        description="Postgres, with the role oblivion_cli: postgresql://oblivion_cli:…@host/oblivion",
    )
    redis_url: RedisDsn | None = Field(default=None, description="Redis (or Valkey): redis://host:6379/0")
    master_key: EncryptionKey | None = Field(default=None, description="Wraps the tenants' keys.")
    signing_key: EncryptionKey | None = Field(default=None, description="Seals webhooks' signing secrets.")
    master_keys_previous: EncryptionKeys = Field(
        default=SecretStr(""), description="Earlier master keys, comma separated, until `keys rotate master`."
    )
    signing_keys_previous: EncryptionKeys = Field(
        default=SecretStr(""),
        description="Earlier signing keys, comma separated, until `keys rotate webhooks`.",
    )
    slack_api_url: ServiceUrl | None = Field(
        default=None, description="Slack's Web API; default https://slack.com/api/ or the sandbox's."
    )
    clickup_api_url: ServiceUrl | None = Field(
        default=None, description="ClickUp's API; default https://api.clickup.com/api/v2 or the sandbox's."
    )
    public_url: Annotated[ServiceUrl, AfterValidator(_without_slash)] | None = Field(
        default=None, description="Where Slack and ClickUp reach this system: https://oblivion.example.com"
    )
    webhook_base_url: Annotated[ServiceUrl, AfterValidator(_without_slash)] | None = Field(
        default=None, description="Where they send webhooks to, if that is another address."
    )
