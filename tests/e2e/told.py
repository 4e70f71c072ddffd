"""Keeps what a story tells."""


class Told:
    """Implements `oblivion_cli.demo.steps.Narrator`."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, float]] = []

    def done(self, what: str, took_s: float) -> None:
        self.lines.append((what, took_s))
