"""Start a program that cannot outlive the process that started it.

`tied_to_parent` prefixes a command with this file run as a script. The script asks the kernel to kill
the process when its parent dies (Linux; elsewhere nothing is asked), gives up root when told to, and
then becomes the command by exec: the pid that the caller sees is the program's own.

The kernel counts the death of the starting *thread*: start from the thread that runs the event loop, never
from a pool. Only the standard library is imported, since the script runs without site-packages.
Sources: man 2 PR_SET_PDEATHSIG, man 7 capabilities.
"""

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def tied_to_parent(command: list[str], *, run_as_uid: int | None = None) -> list[str]:
    """The command line that runs `command` as a child of this very process, as `run_as_uid` if given."""
    uid = "-" if run_as_uid is None else str(run_as_uid)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), uid, *command]


def _prctl(*arguments: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(
            *map(ctypes.c_ulong, (*arguments, *[0] * (5 - len(arguments))))
        )


def _keep_reading_everywhere() -> None:
    """Keep the one capability that lets a program run from, and in, directories that only root may enter.

    Without it the server would need every parent directory opened up. A container that withholds the
    capability is no obstacle: then the directories' own permissions decide.
    """
    bit = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    ctypes.CDLL(None, use_errno=True).capset(header, sets)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def _become(uid: int) -> None:
    linux = sys.platform == "linux"
    if linux:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(pwd.getpwuid(uid).pw_gid)
    os.setuid(uid)
    if linux:
        _keep_reading_everywhere()


def _main() -> None:
    parent_pid, uid, *command = sys.argv[1:]
    if uid != "-":
        _become(int(uid))
    # After the change of user, which would clear it.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent_pid):
        sys.exit("the parent process is gone already")
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _main()
