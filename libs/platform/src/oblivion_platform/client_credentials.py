"""Client ids and client secrets of agents, for whoever makes or reads them.

A client id is `oba_{tenant}_{agent}`, so that a token request says whose it is before anything is read. A
secret is `obs_`, 256 random bits and a checksum in base 62: a scanner can recognise it, and a mistyped one is
refused without asking the database.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from uuid import UUID

CLIENT_PREFIX = "oba_"
SECRET_PREFIX = "obs_"  # noqa: S105 - tells what it is

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS = 43
_CHECKSUM_CHARACTERS = 6
_CLIENT_ID = re.compile(r"oba_([0-9a-f]{32})_([0-9a-f]{32})", re.ASCII)
_SECRET = re.compile(rf"obs_[0-9A-Za-z]{{{_RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClientId:
    """Which agent of which tenant asks for a token."""

    tenant_id: UUID
    agent_id: UUID

    def __str__(self) -> str:
        return f"{CLIENT_PREFIX}{self.tenant_id.hex}_{self.agent_id.hex}"


def parse_client_id(text: str) -> ClientId | None:
    """The agent that `text` names; None when it can be no client id of ours."""
    found = _CLIENT_ID.fullmatch(text)
    return ClientId(UUID(found[1]), UUID(found[2])) if found else None


def new_secret() -> str:
    body = _base62(secrets.randbits(256), _RANDOM_CHARACTERS)
    return SECRET_PREFIX + body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Tell whether `secret` can be one of ours; says nothing about whether it is."""
    if not _SECRET.fullmatch(secret):
        return False
    body = secret[len(SECRET_PREFIX) : -_CHECKSUM_CHARACTERS]
    return secret[-_CHECKSUM_CHARACTERS:] == _checksum(body)


def digest(secret: str) -> bytes:
    """SHA-256, which is all of a secret that anybody but its holder is told."""
    return hashlib.sha256(secret.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_CHARACTERS)


def _base62(number: int, characters: int) -> str:
    digits: list[str] = []
    for _ in range(characters):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
