"""The sandbox's memory: one SQLite file in WAL mode, written by one thread.

Every state change is committed before its answer leaves, so a killed process loses nothing that it
confirmed. `synchronous=NORMAL` is enough for that: a commit is in the operating system's hands when
it returns, and only a crash of the machine itself could lose it.
"""

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Row = sqlite3.Row


def dumps(value: object) -> str:
    """Compact JSON, as both services send it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Store:
    """One connection, used from the event loop's thread alone; no statement waits on anything but disk."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self._connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "busy_timeout=5000",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(files("oblivion_sandbox").joinpath("schema.sql").read_text())
        self._depth = 0
        self._touched: set[str] = set()
        self._on_change: Callable[[set[str]], None] = lambda _topics: None
        self._after: list[Callable[[], None]] = []

    @contextmanager
    def write(self) -> Generator[None]:
        """One transaction; a nested use joins the outer one."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("ROLLBACK")
                self._after.clear()
                self._touched.clear()
            raise
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute("COMMIT")
            self._run_after_commit()

    def on_change(self, listener: Callable[[set[str]], None]) -> None:
        """Tell `listener`, after each commit, which topics the transaction touched."""
        self._on_change = listener

    def touch(self, topic: str) -> None:
        """Mark what the current transaction changes, for pages that show it."""
        self._touched.add(topic)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the current transaction is durable."""
        self._after.append(action)

    def _run_after_commit(self) -> None:
        actions, self._after = self._after, []
        for action in actions:
            action()
        if self._touched:
            touched, self._touched = self._touched, set()
            self._on_change(touched)

    def run(self, sql: str, *values: object) -> int:
        """Execute one statement; returns the last inserted row's id."""
        return self._connection.execute(sql, values).lastrowid or 0

    def count(self, sql: str, *values: object) -> int:
        """The single number that a query returns."""
        return int(self._connection.execute(sql, values).fetchone()[0] or 0)

    def one(self, sql: str, *values: object) -> Row | None:
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def setting(self, name: str) -> Json | None:
        """A JSON document kept under a name, or None."""
        row = self.one("SELECT value FROM settings WHERE name = ?", name)
        return None if row is None else json.loads(row["value"])

    def save_setting(self, name: str, value: Json) -> None:
        with self.write():
            self.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, dumps(value))

    def wipe(self, *tables: str) -> None:
        """Empty the tables named, which are never user input."""
        with self.write():
            for table in tables:
                self.run(f"DELETE FROM {table}")  # noqa: S608

    def close(self) -> None:
        self._connection.close()
