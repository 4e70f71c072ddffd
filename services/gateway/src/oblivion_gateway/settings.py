"""Settings of the gateway."""

from oblivion_platform.settings import (
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    MasterKeySettings,
    RedisSettings,
)


class Settings(DatabaseSettings, RedisSettings, MasterKeySettings, HttpSettings, LogSettings):
    """Everything that the gateway reads from its environment."""
