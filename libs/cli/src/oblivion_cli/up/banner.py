"""What `oblivion up` ends its start with."""

from pathlib import Path

WIDTH = 66


def banner(base_url: str, home: Path, model: str | None, elapsed_s: float) -> str:
    """Where everything is, what to try next, how to stop; without a model of its own it says so."""
    shown_home = _with_tilde(home)
    took = f"{elapsed_s:.1f} s"
    return "\n".join(
        [
            "Oblivion is up".ljust(WIDTH - len(took)) + took,
            _line("Talk to your agents", f"{base_url}/slack", "(sandbox Slack; you are @you)"),
            _line("File a task", f"{base_url}/clickup", "(sandbox ClickUp)"),
            _line("API", f"{base_url}/docs", ""),
            _line("Data", shown_home, "(kept; `oblivion up --fresh` starts over)"),
            _line("Model", model or "sandbox (no key)", ""),
            _line("Link the two", 'oblivion mappings link "Launch" "#launch"', ""),
            "Try it: oblivion demo      Stop: Ctrl-C      Something wrong: oblivion doctor",
        ]
    )


def _line(what: str, where: str, remark: str) -> str:
    return f"  {what:<22}{where:<37}{remark}".rstrip()


def _with_tilde(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
