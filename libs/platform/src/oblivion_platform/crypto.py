"""Envelope encryption of what must not be readable in the database.

    master key(s) ──wrap──> a data key per tenant ──seal──> one column of one row

Sealed bytes are `version (1) | key id (16) | nonce (12) | AES-256-GCM ciphertext and tag`. The header and
the place (tenant, table, row, column) are associated data: sealed bytes that are moved elsewhere do not open.
Every ring holds one current key, which seals, and any number of previous ones, which only open; a key of the
environment is named by a hash of itself. A random nonce per message is safe for some 2^32 messages per key.

See docs/decisions/0002-envelope-encryption-with-cryptography.md.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oblivion_platform.errors import PermanentFailure

KEY_BYTES = 32
_VERSION = b"\x01"
_KEY_ID_BYTES = 16
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES
# Fewer different bytes than any random key has: "aaaa…", zeros and the like.
_PLACEHOLDER_BELOW_DISTINCT_BYTES = 12


class DecryptionFailed(PermanentFailure):
    """Damaged, moved, or sealed under a key that is not on the ring. Says where, never what."""

    def __init__(self, reason: str) -> None:
        super().__init__("decryption_failed", reason)


@dataclass(frozen=True)
class Key:
    """One AES-256 key and the name it has in the header of what it sealed."""

    id: UUID
    secret: bytes = field(repr=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A key from the environment (base64 of 32 bytes).

        Raises:
            ValueError: says what is wrong with it, never what it is.
        """
        secret = decode_key(text)
        return cls(
            id=UUID(bytes=hashlib.sha256(b"oblivion key id" + secret).digest()[:_KEY_ID_BYTES]), secret=secret
        )


@dataclass(frozen=True)
class Place:
    """Where sealed bytes live. They open nowhere else."""

    tenant_id: UUID
    table: str
    row_id: UUID
    column: str


@dataclass(frozen=True)
class WrappedKey:
    """A tenant's data key as `tenant_keys` stores it."""

    id: UUID
    wrapped: bytes = field(repr=False)


def generate_key() -> str:
    """A new key, as OBLIVION_MASTER_KEY and OBLIVION_SIGNING_KEY want it."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=")


def decode_key(text: str) -> bytes:
    """The 32 bytes of a base64 key; both alphabets, with or without padding.

    Raises:
        ValueError: says what is wrong with it, never what it is.
    """
    urlsafe = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    try:
        secret = base64.b64decode(urlsafe + "=" * (-len(urlsafe) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    if len(secret) != KEY_BYTES:
        raise ValueError(f"is {len(secret)} bytes long, not {KEY_BYTES}")
    if len(set(secret)) < _PLACEHOLDER_BELOW_DISTINCT_BYTES:
        raise ValueError("is a placeholder, not a random key")
    return secret


def _encode(*parts: str) -> bytes:
    """Each part with its length before it, so that no two lists of parts look the same."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


class KeyRing:
    """Seals under the current key, opens under any. `purpose` keeps the rings of one key apart."""

    def __init__(self, purpose: str, current: Key, previous: Iterable[Key] = ()) -> None:
        self._purpose = purpose
        self._current = current
        self._ciphers = {key.id.bytes: AESGCM(key.secret) for key in (*previous, current)}

    def seal(self, plaintext: bytes, *place: str) -> bytes:
        header = _VERSION + self._current.id.bytes
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._current.id.bytes]
        return header + nonce + cipher.encrypt(nonce, plaintext, self._associated(header, place))

    def open(self, sealed: bytes, *place: str) -> bytes:
        """Undo `seal` for the same place.

        Raises:
            DecryptionFailed: another place, unknown key or damaged bytes.
        """
        header, nonce = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        if header[:1] != _VERSION or len(nonce) < _NONCE_BYTES:
            raise DecryptionFailed(f"not sealed bytes of a known version ({self._purpose})")
        cipher = self._ciphers.get(header[1:])
        if cipher is None:
            raise DecryptionFailed(
                f"sealed under the key {UUID(bytes=header[1:])}, not on the {self._purpose} ring"
            )
        try:
            return cipher.decrypt(nonce, sealed[len(header) + len(nonce) :], self._associated(header, place))
        except InvalidTag:
            raise DecryptionFailed(f"damaged, or belongs elsewhere ({self._purpose})") from None

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether `sealed` is under the current key; if not, it is to be sealed again."""
        return sealed[:_HEADER_BYTES] == _VERSION + self._current.id.bytes

    def _associated(self, header: bytes, place: tuple[str, ...]) -> bytes:
        return header + _encode(self._purpose, *place)


class TenantCipher:
    """Seals and opens one tenant's columns under its data keys."""

    def __init__(self, tenant_id: UUID, ring: KeyRing) -> None:
        self._tenant_id = tenant_id
        self._ring = ring

    def seal(self, plaintext: bytes, *, table: str, row_id: UUID, column: str) -> bytes:
        return self._ring.seal(plaintext, str(self._tenant_id), table, str(row_id), column)

    def open(self, sealed: bytes, *, table: str, row_id: UUID, column: str) -> bytes:
        """Undo `seal`.

        Raises:
            DecryptionFailed: of another tenant, table, row or column; unknown key; damaged.
        """
        return self._ring.open(sealed, str(self._tenant_id), table, str(row_id), column)

    def is_current(self, sealed: bytes) -> bool:
        return self._ring.is_current(sealed)


class MasterKeyRing:
    """Wraps and unwraps the tenants' data keys under OBLIVION_MASTER_KEY."""

    def __init__(self, current: Key, previous: Iterable[Key] = ()) -> None:
        self._keys = (current, *previous)
        self._ring = KeyRing("master", current, self._keys[1:])

    @classmethod
    def from_text(cls, current: str, previous: Iterable[str] = ()) -> Self:
        return cls(Key.from_text(current), map(Key.from_text, previous))

    def derived(self, purpose: str) -> list[bytes]:
        """Keys for another purpose than wrapping: the current master key's first, then the previous ones'."""
        label = _encode("oblivion derived key", purpose)
        return [hmac.new(key.secret, label, hashlib.sha256).digest() for key in self._keys]

    def new_tenant_key(self, tenant_id: UUID) -> WrappedKey:
        """A fresh random data key for `tenant_id`; its plaintext never leaves this method."""
        return self._wrap(tenant_id, Key(uuid4(), os.urandom(KEY_BYTES)))

    def cipher(
        self, tenant_id: UUID, current: WrappedKey, previous: Iterable[WrappedKey] = ()
    ) -> TenantCipher:
        """The tenant's cipher.

        Raises:
            DecryptionFailed: a key of another tenant, or wrapped by a master key that is not on the ring.
        """
        keys = [self._unwrap(tenant_id, key) for key in previous]
        return TenantCipher(tenant_id, KeyRing("tenant", self._unwrap(tenant_id, current), keys))

    def rewrap(self, tenant_id: UUID, key: WrappedKey) -> WrappedKey:
        """The same data key under the current master key: all that a rotation of the master key has to do."""
        return self._wrap(tenant_id, self._unwrap(tenant_id, key))

    def is_current(self, key: WrappedKey) -> bool:
        return self._ring.is_current(key.wrapped)

    def _wrap(self, tenant_id: UUID, key: Key) -> WrappedKey:
        return WrappedKey(key.id, self._ring.seal(key.secret, str(tenant_id), str(key.id)))

    def _unwrap(self, tenant_id: UUID, key: WrappedKey) -> Key:
        return Key(key.id, self._ring.open(key.wrapped, str(tenant_id), str(key.id)))


class SigningKeyRing:
    """Seals signing secrets directly under OBLIVION_SIGNING_KEY: ingestion holds no master or data key."""

    def __init__(self, current: Key, previous: Iterable[Key] = ()) -> None:
        self._ring = KeyRing("signing", current, previous)

    @classmethod
    def from_text(cls, current: str, previous: Iterable[str] = ()) -> Self:
        return cls(Key.from_text(current), map(Key.from_text, previous))

    def seal(self, plaintext: bytes, place: Place) -> bytes:
        return self._ring.seal(plaintext, str(place.tenant_id), place.table, str(place.row_id), place.column)

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Undo `seal`.

        Raises:
            DecryptionFailed: of another place; unknown key; damaged.
        """
        return self._ring.open(sealed, str(place.tenant_id), place.table, str(place.row_id), place.column)

    def is_current(self, sealed: bytes) -> bool:
        return self._ring.is_current(sealed)
