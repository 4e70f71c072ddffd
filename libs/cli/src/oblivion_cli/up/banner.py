"""What `oblivion up` ends its start with."""

import contextlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

WIDTH = 66


@dataclass(frozen=True)
class Links:
    """Where people go."""

    base_url: str
    watch: str
    """Signs one browser in, once."""


def banner(links: Links, home: Path, model: str | None, elapsed_s: float, program: str = "oblivion") -> str:
    """Where everything is, what to try next, how to stop; without a model of its own it says so."""
    base_url = links.base_url
    shown_home = _with_tilde(home)
    took = f"{elapsed_s:.1f} s"
    return "\n".join(
        [
            "Oblivion is up".ljust(WIDTH - len(took)) + took,
            _line("Talk to your agents", f"{base_url}/slack", "(sandbox Slack; you are @you)"),
            _line("File a task", f"{base_url}/clickup", "(sandbox ClickUp)"),
            _line("Watch", links.watch, "(one-time sign-in link)"),
            _line("API", f"{base_url}/docs", ""),
            _line("Data", shown_home, f"(kept; `{program} up --fresh` starts over)"),
            _line("Model", model or "sandbox (no key)", ""),
            _line("Link the two", f'{program} mappings link "Launch" "#launch"', ""),
            f"Try it: {program} demo      Stop: Ctrl-C      Something wrong: {program} doctor",
        ]
    )


def program_name() -> str:
    """How people call this program here: by its path, where `oblivion` alone finds nothing."""
    called = Path(sys.argv[0])
    if shutil.which("oblivion") is not None or called.name != "oblivion":
        return "oblivion"
    with contextlib.suppress(ValueError):
        return str(called.absolute().relative_to(Path.cwd()))
    return str(called)


def _line(what: str, where: str, remark: str) -> str:
    return f"  {what:<22}{where:<35}  {remark}".rstrip()


def _with_tilde(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
