"""Refusals in Qdrant's own words."""

from oblivion_sandbox.store import Json


class QdrantError(Exception):
    """A refused request: nothing was changed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def as_json(self) -> Json:
        return {"status": {"error": self.message}, "time": 0.0}


def no_such_collection(name: str) -> QdrantError:
    return QdrantError(404, f"Not found: Collection `{name}` doesn't exist!")
