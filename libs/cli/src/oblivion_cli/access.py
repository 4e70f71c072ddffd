"""What the verbs work on: the system named by the environment, else the one that `oblivion up` runs here."""

from dataclasses import dataclass, field
from functools import cached_property

from pydantic import SecretStr

from oblivion_cli.errors import DependencyAway, UsageWrong
from oblivion_cli.home import DATABASE, Home, HomeSecrets
from oblivion_cli.settings import CliSettings
from oblivion_cli.up.lock import RunningSystem, running_system
from oblivion_platform.crypto import MasterKeyRing, SigningKeyRing
from oblivion_platform.settings import load, split_keys

REAL_SLACK_API_URL = "https://slack.com/api/"
REAL_CLICKUP_API_URL = "https://api.clickup.com/api/v2"
CLI_ROLE = "oblivion_cli"
_START_ONE = "Start it with `oblivion up`, or set OBLIVION_{} to the one you mean."


@dataclass(frozen=True)
class Access:
    """Addresses and keys, each asked for when it is needed."""

    settings: CliSettings
    home: Home
    running: RunningSystem | None
    secrets: HomeSecrets | None = field(repr=False)

    @classmethod
    def from_environment(cls) -> "Access":
        home = Home.from_environment()
        return cls(load(CliSettings), home, running_system(home), home.read_secrets())

    @property
    def database_url(self) -> str:
        """Raises: DependencyAway: nothing runs here and the environment names no database."""
        if self.settings.database_url is not None:
            return self.settings.database_url.get_secret_value()
        ports = self._ports("database_url")
        password = self._secrets().passwords[CLI_ROLE]
        return f"postgresql://{CLI_ROLE}:{password}@127.0.0.1:{ports['postgres']}/{DATABASE}"

    @property
    def redis_url(self) -> str:
        if self.settings.redis_url is not None:
            return self.settings.redis_url.get_secret_value()
        return f"redis://127.0.0.1:{self._ports('redis_url')['redis']}/0"

    @cached_property
    def master_keys(self) -> MasterKeyRing:
        previous = split_keys(self.settings.master_keys_previous)
        return MasterKeyRing.from_text(self._key(self.settings.master_key, "master_key"), previous)

    @cached_property
    def signing_keys(self) -> SigningKeyRing:
        previous = split_keys(self.settings.signing_keys_previous)
        return SigningKeyRing.from_text(self._key(self.settings.signing_key, "signing_key"), previous)

    @property
    def slack_api_url(self) -> str:
        if self.settings.slack_api_url:
            return self.settings.slack_api_url.rstrip("/") + "/"
        stand_in = self.sandbox_url if "slack" not in self.home.real_ones() else None
        return f"{stand_in}/slack/api/" if stand_in else REAL_SLACK_API_URL

    @property
    def clickup_api_url(self) -> str:
        if self.settings.clickup_api_url:
            return self.settings.clickup_api_url.rstrip("/")
        stand_in = self.sandbox_url if "clickup" not in self.home.real_ones() else None
        return f"{stand_in}/clickup/api/v2" if stand_in else REAL_CLICKUP_API_URL

    @property
    def sandbox_url(self) -> str | None:
        """The stand-ins of the system that runs here, if any."""
        if self.running is None or "sandbox" not in self.running.ports:
            return None
        return f"http://127.0.0.1:{self.running.ports['sandbox']}"

    @property
    def webhook_base_url(self) -> str | None:
        """Where Slack and ClickUp send webhooks to."""
        return self.settings.webhook_base_url or self.public_url

    @property
    def public_url(self) -> str | None:
        """Where senders reach ingestion."""
        if self.settings.public_url:
            return self.settings.public_url
        return self.running.base_url if self.running is not None and self.running.ready else None

    def _ports(self, setting: str) -> dict[str, int]:
        if self.running is None:
            raise DependencyAway("Oblivion does not run here.", _START_ONE.format(setting.upper()))
        if not self.running.ready:
            raise DependencyAway("Oblivion is just starting here.", "Try again when it says that it is up.")
        return self.running.ports

    def _secrets(self) -> HomeSecrets:
        if self.secrets is None:
            raise DependencyAway(
                f"{self.home.secrets_file} is missing.", "Start the system once with `oblivion up`."
            )
        return self.secrets

    def _key(self, configured: SecretStr | None, name: str) -> str:
        if configured is not None:
            return configured.get_secret_value()
        if self.settings.database_url is not None:
            raise UsageWrong(
                f"OBLIVION_DATABASE_URL names a system, but OBLIVION_{name.upper()} is not set.",
                "Set it to that system's key.",
            )
        return str(getattr(self._secrets(), name))
