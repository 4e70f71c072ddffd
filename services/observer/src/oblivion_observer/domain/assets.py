"""The files of the page: which of their encodings a browser takes, and for how long it may keep them."""

from collections.abc import Mapping
from dataclasses import dataclass

Encoding = str
PLAIN = "identity"
SUFFIXES: Mapping[Encoding, str] = {"br": ".br", "gzip": ".gz"}
"""Best first."""

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
HASHED_FOLDER = "assets/"
"""Names in it carry a hash of their content, so one name never means anything else."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, in every encoding that it was built in."""

    media_type: str
    bodies: Mapping[Encoding, bytes]
    etag: str

    def best_for(self, accept_encoding: str) -> tuple[Encoding, bytes]:
        """The smallest body that the browser can read."""
        accepted = _accepted(accept_encoding)
        for encoding in SUFFIXES:
            if encoding in accepted and encoding in self.bodies:
                return encoding, self.bodies[encoding]
        return PLAIN, self.bodies[PLAIN]


def _accepted(header: str) -> set[str]:
    """`br;q=0` says that it is not wanted; other weights do not matter to us."""
    wishes = [wish.replace(" ", "").partition(";") for wish in header.lower().split(",")]
    return {name for name, _, weight in wishes if weight not in {"q=0", "q=0.0"}}


def cache_rule(path: str) -> str:
    return FOR_EVER if path.startswith(HASHED_FOLDER) else ASK_AGAIN
