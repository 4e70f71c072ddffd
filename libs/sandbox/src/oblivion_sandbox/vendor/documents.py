"""The things of one service as JSON documents, in the order of their creation; kept until a reset."""

import json
from collections.abc import Callable
from typing import Any

from oblivion_sandbox.store import Json, Store, dumps


class Documents:
    """The documents of one side, by kind and id."""

    def __init__(self, store: Store, side: str) -> None:
        self._store = store
        self._side = side

    def put(self, kind: str, key: str, body: Json) -> Json:
        """Write a document anew, or in the place of the one of this key."""
        with self._store.write():
            self._store.touch(self._side)
            self._store.run(
                "INSERT INTO documents (side, kind, id, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (side, kind, id) DO UPDATE SET body = excluded.body",
                *(self._side, kind, key, dumps(body)),
            )
        return body

    def change(self, kind: str, key: str, **parts: Any) -> Json:
        """Replace parts of a document that is there."""
        return self.put(kind, key, (self.get(kind, key) or {}) | parts)

    def get(self, kind: str, key: str) -> Json | None:
        row = self._store.one(
            "SELECT body FROM documents WHERE side = ? AND kind = ? AND id = ?", self._side, kind, key
        )
        return None if row is None else json.loads(row["body"])

    def all(self, kind: str, fits: Callable[[Json], object] = lambda _document: True) -> list[Json]:
        """Documents of a kind, the oldest first."""
        rows = self._store.all(
            "SELECT body FROM documents WHERE side = ? AND kind = ? ORDER BY seq", self._side, kind
        )
        return [document for row in rows if fits(document := json.loads(row["body"]))]

    def clear(self) -> None:
        with self._store.write():
            self._store.touch(self._side)
            self._store.run("DELETE FROM documents WHERE side = ?", self._side)
