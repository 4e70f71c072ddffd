"""What a child process may know of our environment: how this machine is set up, and no credential."""

import os
import re

_OF_THE_MACHINE = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|PYTHON\w+|SSL_\w+|\w+_PROXY", re.IGNORECASE
)


def machine_environment() -> dict[str, str]:
    """The variables that a server of somebody else's needs to run here."""
    return {name: value for name, value in os.environ.items() if _OF_THE_MACHINE.fullmatch(name)}
