"""Settings: one frozen class per process, read from the environment, refused with a sentence for each fault.

    class Settings(DatabaseSettings, RedisSettings, LogSettings):
        sweep_every_s: float = Field(default=5.0, gt=0, description="Seconds between two sweeps.")

    settings = load(Settings)

`sweep_every_s` is OBLIVION_SWEEP_EVERY_S in the environment. An empty variable counts as not set. Every
field has a description: it is what a person reads when it is wrong, and in docs/reference/settings.md.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from oblivion_platform.crypto import MasterKeyRing, SigningKeyRing, decode_key
from oblivion_platform.key_service import Unwrap, unwrap_by

PREFIX = "OBLIVION_"
EXIT_BAD_SETTINGS = 2
REFERENCE = "docs/reference/settings.md"


class Settings(BaseSettings):
    """Base of every Settings class."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def _check_url(secret: SecretStr, schemes: tuple[str, ...], example: str) -> SecretStr:
    try:
        url = urlsplit(secret.get_secret_value())
        usable = url.scheme in schemes and bool(url.hostname) and url.port != 0
    except ValueError:  # Says what the port or host was.
        usable = False
    if not usable:
        raise ValueError(f"is not a URL like {example}")
    return secret


def _postgres_dsn(secret: SecretStr) -> SecretStr:
    _check_url(secret, ("postgresql",), "postgresql://role:password@host:5432/database")
    url = urlsplit(secret.get_secret_value())
    if not url.username or not url.path.strip("/"):
        raise ValueError("names no role or no database; write postgresql://role:password@host:5432/database")
    return secret


def _redis_dsn(secret: SecretStr) -> SecretStr:
    return _check_url(secret, ("redis", "rediss"), "redis://host:6379/0")


def _service_url(url: str) -> str:
    _check_url(SecretStr(url), ("http", "https"), "https://host/path")
    return url


def _key(secret: SecretStr) -> SecretStr:
    decode_key(secret.get_secret_value())
    return secret


def _keys(secret: SecretStr) -> SecretStr:
    for text in split_keys(secret):
        decode_key(text)
    return secret


def split_keys(secret: SecretStr) -> list[str]:
    """The keys of a comma separated list."""
    return [text for text in map(str.strip, secret.get_secret_value().split(",")) if text]


PostgresDsn = Annotated[SecretStr, AfterValidator(_postgres_dsn)]
RedisDsn = Annotated[SecretStr, AfterValidator(_redis_dsn)]
ServiceUrl = Annotated[str, AfterValidator(_service_url)]
EncryptionKey = Annotated[SecretStr, AfterValidator(_key)]
EncryptionKeys = Annotated[SecretStr, AfterValidator(_keys)]

_KEYS = ("master_key", "master_keys_previous", "signing_key", "signing_keys_previous")
_MAKE_A_KEY = "Make one with: head -c 32 /dev/urandom | base64"


def _unwrapped(name: str, value: object, unwrap: Unwrap) -> str:
    wrapped = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    try:
        return ",".join(unwrap(each) for each in split_keys(SecretStr(wrapped)))
    except ValueError as error:
        raise ValueError(f"{PREFIX}{name.upper()} {error}") from None


class DatabaseSettings(Settings):
    """A process that reads or writes Postgres."""

    database_url: PostgresDsn = Field(
        description="Postgres, with this service's own role: postgresql://role:password@host:5432/database"
    )
    database_pool_size: int = Field(
        default=10, ge=1, le=200, description="Most connections to Postgres at once."
    )
    database_behind_pooler: bool = Field(
        default=False,
        description="Whether a transaction pooler sits in between: no prepared statements then.",
    )


class RedisSettings(Settings):
    """A process that uses queues, budgets or caches."""

    redis_url: RedisDsn = Field(description="Redis (or Valkey): redis://host:6379/0")


class KeyServiceSettings(Settings):
    """A process that holds keys: they are in the environment, or wrapped there by a key service."""

    key_service: str | None = Field(
        default=None,
        description="Where a key service (KMS) wraps the keys: package.module:function that unwraps one. "
        "See docs/operate/tools.md.",
    )

    @model_validator(mode="before")
    @classmethod
    def _unwrap_keys(cls, values: dict[str, Any]) -> dict[str, Any]:
        plug = values.get("key_service")
        if not plug:
            return values
        unwrap = unwrap_by(str(plug))
        unwrapped = {name: _unwrapped(name, values[name], unwrap) for name in _KEYS if values.get(name)}
        return {**values, **unwrapped}


class MasterKeySettings(KeyServiceSettings):
    """A process that opens credentials. Never ingestion."""

    master_key: EncryptionKey = Field(
        description=f"Wraps the tenants' keys: base64 of 32 random bytes. {_MAKE_A_KEY}"
    )
    master_keys_previous: EncryptionKeys = Field(
        default=SecretStr(""),
        description="Earlier master keys, comma separated, until every key is wrapped again.",
    )

    def master_key_ring(self) -> MasterKeyRing:
        return MasterKeyRing.from_text(
            self.master_key.get_secret_value(), split_keys(self.master_keys_previous)
        )


class SigningKeySettings(KeyServiceSettings):
    """A process that reads or writes signing secrets."""

    signing_key: EncryptionKey = Field(
        description=f"Seals webhooks' signing secrets: base64 of 32 random bytes. {_MAKE_A_KEY}"
    )
    signing_keys_previous: EncryptionKeys = Field(
        default=SecretStr(""),
        description="Earlier signing keys, comma separated, until every secret is sealed again.",
    )

    def signing_key_ring(self) -> SigningKeyRing:
        return SigningKeyRing.from_text(
            self.signing_key.get_secret_value(), split_keys(self.signing_keys_previous)
        )


class LogSettings(Settings):
    """Every process."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log line that is written."
    )
    otlp_endpoint: ServiceUrl | None = Field(
        default=None,
        description="OpenTelemetry collector that traces go to (OTLP over HTTP): http://collector:4318",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="`json`, `console` for people, or `auto`: console on a terminal."
    )


class HttpSettings(Settings):
    """A process that answers HTTP, if only for its health and metrics."""

    host: str = Field(default="0.0.0.0", description="The address to listen on.")  # noqa: S104 - a container's
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "port"),
        description="The TCP port to listen on; 0 takes a free one.",
    )
    health_token: SecretStr | None = Field(
        default=None, description="Bearer token for GET /health/details; the page is off without one."
    )
    drain_timeout_s: float = Field(
        default=20.0, gt=0, description="Seconds that running work gets to finish after SIGTERM."
    )


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Read the environment, or explain every fault on stderr and exit with 2."""
    try:
        return settings_class()
    except ValidationError as error:
        lines = list(explain(settings_class, error))
    except SettingsError as error:
        # Its message names the field; the cause could show the value.
        lines = [str(error)]
    sys.stderr.write(_refusal(lines))
    sys.exit(EXIT_BAD_SETTINGS)


def explain(settings_class: type[BaseSettings], error: ValidationError) -> Iterator[str]:
    """One line per fault: the variable, what is wrong with it, what it is for. Never a value."""
    for fault in error.errors(include_input=False, include_url=False):
        complaint = _complaint(fault["type"], fault["msg"])
        if not fault["loc"]:
            yield f"{complaint}."  # Of several fields together: the validator names them itself.
            continue
        name = str(fault["loc"][0])
        field = _field_named(settings_class, name)
        variable = variable_of(name, field) if field else name
        purpose = (field and field.description) or ""
        yield f"{variable} {complaint}. {purpose}".rstrip()


def variable_of(name: str, field: FieldInfo) -> str:
    """The environment variable that sets `field`."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return alias if isinstance(alias, str) else f"{PREFIX}{name}".upper()


def secrets_of(settings: BaseSettings) -> list[str]:
    """Every secret value, for the log's redaction."""
    values: Mapping[str, Any] = dict(settings)
    return [value.get_secret_value() for value in values.values() if isinstance(value, SecretStr)]


def _field_named(settings_class: type[BaseSettings], name: str) -> FieldInfo | None:
    fields = settings_class.model_fields
    return fields.get(name) or next((f for n, f in fields.items() if variable_of(n, f) == name), None)


def _complaint(kind: str, message: str) -> str:
    if kind == "missing":
        return "is not set"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return f"is wrong: {message[:1].lower()}{message[1:]}"


def _refusal(lines: list[str]) -> str:
    faults = "".join(f"  - {line}\n" for line in lines)
    where = (
        "Set them in this process's environment (Kubernetes: chart values, secrets by existingSecret).\n"
        f"All settings: {REFERENCE}\n"
    )
    return f"Cannot start: {len(lines)} setting(s) to mend.\n{faults}{where}"
