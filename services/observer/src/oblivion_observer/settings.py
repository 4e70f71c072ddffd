"""Settings of the observer. It holds no secret and knows no store: what the page shows is the gateway's."""

from pydantic import Field

from oblivion_platform.settings import HttpSettings, LogSettings, ServiceUrl
from oblivion_platform.settings import Settings as Base


class BoardSettings(Base):
    """Where observer and queue board meet."""

    queue_board_socket: str = Field(
        default="/tmp/oblivion-queue-board.sock",  # noqa: S108 - of a container, whose /tmp is its own
        description="Unix socket of the queue board, which has no sign-in of its own: in a folder that "
        "nobody else can enter.",
    )


class Settings(BoardSettings, HttpSettings, LogSettings):
    """Everything that the observer reads from its environment."""

    gateway_url: ServiceUrl | None = Field(
        default=None,
        description="The gateway, which says who is an operator: http://gateway.oblivion.svc. Without it the "
        "queue board is shown to nobody.",
    )
    public_url: ServiceUrl = Field(
        default="http://localhost:8300", description="Where people reach this system."
    )
