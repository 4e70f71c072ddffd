"""Changes the embedded system over from the sandbox's stand-ins to a real service."""

import os
import signal
from typing import Literal

from oblivion_cli.access import Access

Outside = Literal["slack", "clickup"]


def use_real(access: Access, which: Outside) -> None:
    """Remember it for the embedded system of this home, and let a running one change over at once."""
    if access.settings.database_url is not None:
        return
    access.home.use_real(which)
    if access.running is not None:
        os.kill(access.running.pid, signal.SIGHUP)
