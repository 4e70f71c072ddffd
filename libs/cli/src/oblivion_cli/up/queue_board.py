"""Bull Board, where Node is and the page was built; elsewhere its address says what to do."""

import importlib.util
from pathlib import Path

from oblivion_cli.up.services import ProcessSpec, child_environment, python_module
from oblivion_platform.node import node_program

SOCKET = "queue-board.sock"
"""In the home folder, where every process is started: the path of a socket has to be short."""
_PACKAGE = "oblivion_observer.queue_board"


def queue_board_process(redis_url: str) -> ProcessSpec | None:
    """None: something is missing for it."""
    if node_program() is None or not _is_built():
        return None
    return ProcessSpec(
        name="queue-board",
        command=python_module(_PACKAGE),
        environment=child_environment(OBLIVION_REDIS_URL=redis_url, OBLIVION_QUEUE_BOARD_SOCKET=SOCKET),
        ready_url=None,
    )


def _is_built() -> bool:
    try:
        found = importlib.util.find_spec(_PACKAGE)
    except ModuleNotFoundError:
        return False
    return found is not None and found.origin is not None and _program(found.origin).exists()


def _program(origin: str) -> Path:
    return Path(origin).parent / "built" / "board.mjs"
