"""`oblivion`: runs a verb and turns whatever goes wrong into one sentence, the fix and an exit code."""

import sys

from oblivion_cli import console
from oblivion_cli.app import make_app
from oblivion_cli.errors import CommandFailed, ExitCode


def main() -> None:
    try:
        make_app(sys.argv[1:])()
    except CommandFailed as failure:
        console.err.print(f"{failure.sentence} {failure.fix}", markup=False, style="red")
        sys.exit(failure.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
