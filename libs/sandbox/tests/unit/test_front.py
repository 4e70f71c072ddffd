"""The front of a system on a cluster: every service by its own name, and Caddy takes it."""

import shutil
import subprocess
import sys
from pathlib import Path

from oblivion_platform.paths import PATHS
from oblivion_sandbox.front import configuration


def test_every_service_of_the_path_table_is_behind_it(tmp_path: Path) -> None:
    text = configuration("acme")
    services = {rule.service for rule in PATHS} - {"sandbox"}
    assert {service for service in services if f"reverse_proxy acme-{service}:80 {{" not in text} == set()
    assert "reverse_proxy 127.0.0.1:8080 {" in text


def test_caddy_understands_it(tmp_path: Path) -> None:
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent))
    assert caddy is not None
    file = tmp_path / "Caddyfile"
    file.write_text(configuration("acme"))
    command = [caddy, "validate", "--adapter", "caddyfile", "--config", str(file)]
    environment = {"HOME": str(tmp_path)}
    checked = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert checked.returncode == 0, checked.stderr
