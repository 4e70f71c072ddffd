"""Changes the embedded system over from the sandbox's stand-ins to a real service."""

import os
import signal
from typing import Literal

from oblivion_cli.access import Access

Outside = Literal["slack", "clickup"]
CHANGE_SIGNAL = signal.SIGUSR1
"""Tells a running `oblivion up` that something is connected for real now."""


def use_real(access: Access, which: Outside) -> None:
    """Remember it for the embedded system of this home, and let a running one change over at once."""
    if access.settings.database_url is not None:
        return
    access.home.use_real(which)
    if access.running is not None and access.running.ready:
        os.kill(access.running.pid, CHANGE_SIGNAL)
