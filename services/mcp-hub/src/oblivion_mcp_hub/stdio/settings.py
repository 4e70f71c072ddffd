"""Settings of the bridge to a stdio server."""

import os

from pydantic import Field

from oblivion_platform.settings import HttpSettings, LogSettings


class BridgeSettings(HttpSettings, LogSettings):
    """Everything that the bridge reads from its environment; the program is named at the command line."""

    stdio_environment: str = Field(
        default="",
        description="Variables that the stdio server is given of the bridge's own, by name, comma separated; "
        "beside PATH, HOME and the like it is given no other.",
    )
    stdio_shows_stderr: bool = Field(
        default=False,
        description="Whether what the stdio server writes to stderr goes into the log's stream. It may hold "
        "anything.",
    )

    @property
    def passed_on(self) -> dict[str, str]:
        names = [name.strip() for name in self.stdio_environment.split(",")]
        return {name: os.environ[name] for name in names if name in os.environ}
