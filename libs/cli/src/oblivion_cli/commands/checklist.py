"""How checks are shown: one line each, with the fix below what failed."""

from dataclasses import dataclass, field

from rich.markup import escape

from oblivion_cli import console


@dataclass
class Checklist:
    """Prints checks as they are done, and remembers whether one failed."""

    failed: list[str] = field(default_factory=list[str])

    def ok(self, sentence: str) -> None:
        console.out.print(f"  [green]ok[/green]  {escape(sentence)}")

    def fail(self, sentence: str, fix: str) -> None:
        self.failed.append(sentence)
        console.out.print(f"  [red]!![/red]  {escape(sentence)}\n      {escape(fix)}")

    def warn(self, sentence: str, fix: str) -> None:
        console.out.print(f"  [yellow]??[/yellow]  {escape(sentence)}\n      {escape(fix)}")
