"""Settings of the queue board, whose process the observer's own does not share."""

from oblivion_observer.settings import BoardSettings
from oblivion_platform.settings import LogSettings, RedisSettings


class Settings(BoardSettings, RedisSettings, LogSettings):
    """Everything that the queue board reads from its environment."""
