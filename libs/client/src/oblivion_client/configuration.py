"""Where the server is and who the agent is: the environment, else `.env`, else the system that runs here.

OBLIVION_URI, AGENT_ID and AGENT_SECRET are looked up in the environment and then in the `.env` beside the
script. Without OBLIVION_URI, the system that `oblivion up` runs on this machine is taken.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import platformdirs
from dotenv import dotenv_values

from oblivion_client.errors import AgentMisconfigured

_NO_URI = (
    "OBLIVION_URI is not set and no system runs here. Start one with `oblivion up`, or set OBLIVION_URI to "
    "your server's address, such as https://oblivion.example.com."
)
_NO_CREDENTIALS = (
    "{} is not set. Make an agent with `oblivion agents new NAME` (or `oblivion agents create NAME`) and put "
    "the AGENT_ID and AGENT_SECRET that it shows into the environment or into {}."
)


@dataclass(frozen=True)
class Configuration:
    """What an agent needs to sign in."""

    uri: str
    """Without a slash at the end."""
    agent_id: str
    """The OAuth client id."""
    agent_secret: str = field(repr=False)

    @classmethod
    def find(cls, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Self:
        """The configuration of the agent whose script is in `folder`.

        Raises:
            AgentMisconfigured: something is missing; the text says what to set.
        """
        folder = folder or script_folder()
        known = {**read_env_file(folder), **(os.environ if environment is None else environment)}
        return cls(
            server_uri(known), *(_credential(known, name, folder) for name in ("AGENT_ID", "AGENT_SECRET"))
        )


def server_uri(known: Mapping[str, str]) -> str:
    """Where the server is, without a slash at the end.

    Raises:
        AgentMisconfigured: it is named nowhere and none runs here.
    """
    uri = known.get("OBLIVION_URI") or running_system_url(known)
    if not uri:
        raise AgentMisconfigured(_NO_URI)
    if not uri.startswith(("http://", "https://")):
        raise AgentMisconfigured(
            f"OBLIVION_URI is {uri!r}. Set it to an address such as https://oblivion.example.com."
        )
    return uri.rstrip("/")


def script_folder() -> Path:
    """Where the script that runs lies; the working directory when there is none."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(script).resolve().parent if script else Path.cwd()


def read_env_file(folder: Path) -> dict[str, str]:
    """The names and values of `.env` in `folder`; empty when there is none."""
    return {name: value for name, value in dotenv_values(folder / ".env").items() if value is not None}


def running_system_url(environment: Mapping[str, str]) -> str | None:
    """The address of the system that `oblivion up` runs for this home."""
    configured = environment.get("OBLIVION_HOME")
    home = Path(configured).expanduser() if configured else Path(platformdirs.user_data_dir("oblivion"))
    file = home / "running.json"
    try:
        if not _is_held(file):
            return None
        found: Any = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    url: Any = cast("dict[str, Any]", found).get("base_url")
    return url if isinstance(url, str) and url else None


def _is_held(file: Path) -> bool:
    """Whether the process that wrote it still lives: it holds a lock on the file."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; a file left behind then shows as a server away.
        return file.exists()
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _credential(known: Mapping[str, str], name: str, folder: Path) -> str:
    value = known.get(name, "").strip()
    if not value:
        raise AgentMisconfigured(_NO_CREDENTIALS.format(name, folder / ".env"))
    return value
