"""How the command line speaks: results to stdout, everything else to stderr."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Row = Mapping[str, Any]
PIPED_WIDTH = 10_000
"""A line stays one line where no terminal would show it."""


def print_json(value: object) -> None:
    """One JSON document for a machine, never coloured or wrapped."""
    print(json.dumps(value, default=str, ensure_ascii=False, indent=2))


def print_rows(rows: Sequence[Row], columns: Mapping[str, str], *, nothing: str) -> None:
    """A table for people: `columns` maps keys to headings; `nothing` is said when it would be empty."""
    if not rows:
        out.print(escape(nothing))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(shown(row.get(key))) for key in columns))
    _print_table(table)


def shown(value: object) -> str:
    """A cell's text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def on_one_line(said: str) -> str:
    """Words of a server that nobody trusts may be among them: a terminal is shown no codes of theirs."""
    return "".join(each if each.isprintable() else " " for each in said)


def counted(number: int, what: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Name and value, one a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(escape(name), escape(shown(value)))
    _print_table(table)


def _print_table(table: Table) -> None:
    if out.is_terminal:
        out.print(table)
    else:
        Console(file=out.file, width=PIPED_WIDTH, highlight=False).print(table)
