"""`python -m oblivion_observer.queue_board`: becomes Bull Board, or says what is missing for it."""

import os
import sys
from typing import NoReturn

from oblivion_contracts.jobs import AI_AGENT_TASKS, PLACE_READING, WEBHOOK_PROCESSING
from oblivion_observer.domain.board import BASE
from oblivion_observer.queue_board import PROGRAM
from oblivion_observer.queue_board.settings import Settings
from oblivion_platform.environment import machine_environment
from oblivion_platform.node import HOW_TO_GET_IT, node_program
from oblivion_platform.settings import load

QUEUES = (WEBHOOK_PROCESSING, AI_AGENT_TASKS, PLACE_READING)


def main() -> NoReturn:
    """Node takes this process's place, with its signals."""
    settings = load(Settings)
    node = node_program()
    if node is None:
        sys.exit(f"The queue board needs {HOW_TO_GET_IT}.")
    if not PROGRAM.exists():
        sys.exit("The queue board is not built here. Run `make page` and start again.")
    environment = {**machine_environment(), "OBLIVION_REDIS_URL": settings.redis_url.get_secret_value()}
    command = [node, "--no-deprecation", str(PROGRAM), settings.queue_board_socket, BASE, *QUEUES]
    os.execve(node, command, environment)  # noqa: S606 - a program of ours


if __name__ == "__main__":
    main()
