"""`oblivion`: runs a verb, and turns whatever goes wrong into one sentence, the fix and an exit code."""

import sys
import traceback

from oblivion_cli import console
from oblivion_cli.app import make_app
from oblivion_cli.errors import CommandFailed, ExitCode
from oblivion_cli.home import Home


def main() -> None:
    try:
        make_app(sys.argv[1:])()
    except CommandFailed as failure:
        _say(f"{failure.sentence} {failure.fix}")
        sys.exit(failure.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:  # The top of the program: a stack trace helps nobody who reads this.
        _say(f"Something unforeseen happened ({type(error).__name__}). {_where_written()}")
        sys.exit(ExitCode.FAILED)


def _say(text: str) -> None:
    console.err.print(text.rstrip(), markup=False, style="red")


def _where_written() -> str:
    """Write the details down for whoever mends it; returns where."""
    file = Home.from_environment().logs / "cli.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file.open("a", encoding="utf-8") as log:
            # Frames and types only: messages may carry values.
            log.writelines(traceback.format_tb(sys.exc_info()[2]))
    except OSError:
        return "Run `oblivion doctor`."
    return f"Run `oblivion doctor`; where it happened is written in {file}."


if __name__ == "__main__":
    main()
