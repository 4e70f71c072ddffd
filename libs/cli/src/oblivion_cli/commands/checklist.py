"""How checks are shown: one line each with the fix below what failed, or one document for machines."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.markup import escape

from oblivion_cli import console


@dataclass
class Checklist:
    """Prints checks as they are done, and remembers whether one failed.

    With `as_json` nothing is printed before the block ends, however it ends.
    """

    as_json: bool = False
    failed: list[str] = field(default_factory=list[str])
    checks: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def ok(self, sentence: str) -> None:
        self._note("ok", "[green]ok[/green]", sentence)

    def fail(self, sentence: str, fix: str) -> None:
        self.failed.append(sentence)
        self._note("failed", "[red]!![/red]", sentence, fix)

    def warn(self, sentence: str, fix: str) -> None:
        self._note("warning", "[yellow]??[/yellow]", sentence, fix)

    def _note(self, verdict: str, sign: str, sentence: str, fix: str = "") -> None:
        self.checks.append({"verdict": verdict, "sentence": sentence, "fix": fix})
        if not self.as_json:
            console.out.print(f"  {sign}  {escape(sentence)}" + (f"\n      {escape(fix)}" if fix else ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.as_json:
            console.print_json({"ok": error is None and not self.failed, "checks": self.checks})
