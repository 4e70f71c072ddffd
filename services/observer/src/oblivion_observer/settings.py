"""Settings of the observer. It holds no secret and knows no store: what the page shows is the gateway's."""

from oblivion_platform.settings import HttpSettings, LogSettings


class Settings(HttpSettings, LogSettings):
    """Everything that the observer reads from its environment."""
