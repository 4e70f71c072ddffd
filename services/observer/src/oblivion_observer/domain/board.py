"""Where the queue board is, and what of a request and an answer passes between browser and board."""

from collections.abc import Iterable
from urllib.parse import quote

from oblivion_observer.domain.policy import content_policy

BASE = "/admin/queues"
ASKED = frozenset({"accept", "content-type", "if-none-match", "if-modified-since"})
"""Of a request: never its cookie, which the board has no business with. Files are answered whole."""
ANSWERED = frozenset({"content-type", "etag", "last-modified"})
POLICY = content_policy(base_uri="'self'")
"""Its index names the path that its files are below. Its fonts are Google's: they stay there, and the
browser's own are used."""


def passing(headers: Iterable[tuple[str, str]], allowed: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() in allowed}


def board_path(rest: str) -> str:
    """As the board knows it: without a slash at its end. `rest` is read already, so it is quoted again."""
    return quote(f"{BASE}/{rest}".rstrip("/"), safe="/:@")
