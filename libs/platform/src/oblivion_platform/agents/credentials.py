"""How stored hashes of client secrets are made and compared.

What is stored is an HMAC of the secret's digest under a key derived from the master key: whoever makes a
secret elsewhere, such as the operator, tells us the digest alone. It is random, so no slow hash is needed
(RFC 6749 section 10.10 asks for 128 bits).
"""

import hashlib
import hmac

from oblivion_platform.client_credentials import (
    CLIENT_PREFIX,
    SECRET_PREFIX,
    ClientId,
    digest,
    is_well_formed,
    new_secret,
    parse_client_id,
)
from oblivion_platform.crypto import MasterKeyRing

__all__ = [
    "CLIENT_PREFIX",
    "SECRET_PREFIX",
    "ClientId",
    "SecretHasher",
    "is_well_formed",
    "new_secret",
    "parse_client_id",
]

SHOWN_CHARACTERS = 10
"""How much of a secret is kept in clear, so that a person knows which one they hold."""


class SecretHasher:
    """Keyed hashes of secrets: without the master key, those in the database are of no use to anybody."""

    def __init__(self, keys: MasterKeyRing) -> None:
        self._keys = keys.derived("client secrets")

    def hash(self, secret: str) -> bytes:
        return self.hash_digest(digest(secret))

    def hash_digest(self, sha256: bytes) -> bytes:
        """What is stored of a secret of which only the digest is known here."""
        return _keyed(self._keys[0], sha256)

    def matches(self, secret: str, stored: bytes) -> bool:
        """Tell whether `stored` is the hash of `secret` under the current or a previous master key.

        Every key is tried, so that the time taken does not tell which one fitted.
        """
        return self.matches_digest(digest(secret), stored)

    def matches_digest(self, sha256: bytes, stored: bytes) -> bool:
        fitting = [hmac.compare_digest(_keyed(key, sha256), stored) for key in self._keys]
        return any(fitting)


def _keyed(key: bytes, sha256: bytes) -> bytes:
    return hmac.new(key, sha256, hashlib.sha256).digest()
