"""A measured figure and how it is reported."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

REPORT = Path("build/bench.json")


@dataclass(frozen=True)
class Figure:
    """One measured value, beside what it is compared with and what was hoped for."""

    name: str
    value: float
    unit: str
    peer: str = ""
    goal: str = ""
    met: bool | None = None


def at_least(name: str, value: float, unit: str, goal: float, peer: str = "") -> Figure:
    """A figure that should reach `goal`."""
    return Figure(name, round(value, 3), unit, peer, f">= {goal:g}", value >= goal)


def at_most(name: str, value: float, unit: str, goal: float, peer: str = "") -> Figure:
    """A figure that should stay below `goal`."""
    return Figure(name, round(value, 3), unit, peer, f"<= {goal:g}", value <= goal)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def write(figures: Sequence[Figure]) -> None:
    """Write build/bench.json."""
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=2) + "\n")


def show(figures: Sequence[Figure]) -> None:
    """Print a table's rows."""
    for figure in figures:
        met = {True: "met", False: "NOT met", None: ""}[figure.met]
        print(
            f"{figure.name:<58} {figure.value:>12g} {figure.unit:<9} {figure.goal:<10} {met:<8}",
            figure.peer,
            flush=True,
        )
