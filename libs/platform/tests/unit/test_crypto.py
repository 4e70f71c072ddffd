"""Sealed bytes open in their own place, under a key of the ring, undamaged; and in no other case."""

import base64
import dataclasses
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_platform.crypto import (
    DecryptionFailed,
    Key,
    MasterKeyRing,
    Place,
    SigningKeyRing,
    TenantCipher,
    WrappedKey,
    decode_key,
    generate_key,
)

TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
ROW, OTHER_ROW = UUID(int=3), UUID(int=4)
MASTER = MasterKeyRing.from_text(generate_key())
TENANT_KEY = MASTER.new_tenant_key(TENANT)
CIPHER = MASTER.cipher(TENANT, TENANT_KEY)
SIGNING = SigningKeyRing.from_text(generate_key())
PLACE = Place(TENANT, "signing_secrets", ROW, "ciphertext")


def _seal(cipher: TenantCipher, plaintext: bytes = b"xoxb-canary") -> bytes:
    return cipher.seal(plaintext, table="credentials", row_id=ROW, column="ciphertext")


def _open(cipher: TenantCipher, sealed: bytes) -> bytes:
    return cipher.open(sealed, table="credentials", row_id=ROW, column="ciphertext")


@given(st.binary(max_size=10_000))
def test_what_was_sealed_opens_in_its_own_place(plaintext: bytes) -> None:
    sealed = _seal(CIPHER, plaintext)
    assert _open(CIPHER, sealed) == plaintext
    assert len(plaintext) < 8 or plaintext not in sealed


def test_the_same_plaintext_never_looks_the_same() -> None:
    assert _seal(CIPHER) != _seal(CIPHER)


@pytest.mark.parametrize(
    ("table", "row_id", "column"),
    [
        ("credentials", OTHER_ROW, "ciphertext"),
        ("credentials", ROW, "other"),
        ("signing_secrets", ROW, "ciphertext"),
        # The same letters, divided otherwise.
        ("credential", ROW, "sciphertext"),
    ],
)
def test_sealed_bytes_moved_to_another_row_column_or_table_do_not_open(
    table: str, row_id: UUID, column: str
) -> None:
    with pytest.raises(DecryptionFailed):
        CIPHER.open(_seal(CIPHER), table=table, row_id=row_id, column=column)


def test_another_tenant_can_neither_open_a_value_nor_adopt_the_key() -> None:
    stranger = MASTER.cipher(OTHER_TENANT, MASTER.new_tenant_key(OTHER_TENANT))
    with pytest.raises(DecryptionFailed):
        _open(stranger, _seal(CIPHER))
    with pytest.raises(DecryptionFailed):
        MASTER.cipher(OTHER_TENANT, TENANT_KEY)
    with pytest.raises(DecryptionFailed):
        MASTER.cipher(TENANT, WrappedKey(uuid4(), TENANT_KEY.wrapped))


@given(st.data())
def test_any_changed_byte_is_refused_and_the_error_shows_no_value(data: st.DataObject) -> None:
    sealed = bytearray(_seal(CIPHER))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecryptionFailed) as caught:
        _open(CIPHER, bytes(sealed))
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_refused(sealed: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        _open(CIPHER, sealed)


@given(st.integers(0, 60))
def test_truncated_bytes_are_refused(length: int) -> None:
    sealed = _seal(CIPHER, b"a secret of twenty-odd bytes")
    with pytest.raises(DecryptionFailed):
        _open(CIPHER, sealed[:length])


def test_a_rotated_master_key_opens_old_tenant_keys_until_they_are_wrapped_again() -> None:
    old, new = generate_key(), generate_key()
    stored = MasterKeyRing.from_text(old).new_tenant_key(TENANT)
    sealed = _seal(MasterKeyRing.from_text(old).cipher(TENANT, stored))

    rotating = MasterKeyRing.from_text(new, previous=[old])
    assert not rotating.is_current(stored)
    assert _open(rotating.cipher(TENANT, stored), sealed) == b"xoxb-canary"

    rewrapped = rotating.rewrap(TENANT, stored)
    assert rotating.is_current(rewrapped)
    assert rewrapped.id == stored.id
    only_new = MasterKeyRing.from_text(new)
    assert _open(only_new.cipher(TENANT, rewrapped), sealed) == b"xoxb-canary"
    with pytest.raises(DecryptionFailed, match="not on the master ring"):
        only_new.cipher(TENANT, stored)


def test_a_rotated_tenant_key_opens_what_the_previous_one_sealed() -> None:
    sealed = _seal(CIPHER)
    rotated = MASTER.cipher(TENANT, MASTER.new_tenant_key(TENANT), previous=[TENANT_KEY])
    assert _open(rotated, sealed) == b"xoxb-canary"
    assert not rotated.is_current(sealed)
    assert rotated.is_current(_seal(rotated))
    with pytest.raises(DecryptionFailed, match=str(TENANT_KEY.id)):
        _open(MASTER.cipher(TENANT, MASTER.new_tenant_key(TENANT)), sealed)


@pytest.mark.parametrize(
    "elsewhere",
    [{"tenant_id": OTHER_TENANT}, {"table": "credentials"}, {"row_id": OTHER_ROW}, {"column": "other"}],
)
def test_a_signing_secret_opens_in_its_own_place_only(elsewhere: dict[str, UUID | str]) -> None:
    sealed = SIGNING.seal(b"shhh", PLACE)
    assert SIGNING.open(sealed, PLACE) == b"shhh"
    with pytest.raises(DecryptionFailed):
        SIGNING.open(sealed, dataclasses.replace(PLACE, **elsewhere))


def test_the_signing_ring_rotates_too() -> None:
    old, new = generate_key(), generate_key()
    sealed = SigningKeyRing.from_text(old).seal(b"shhh", PLACE)
    rotating = SigningKeyRing.from_text(new, previous=[old])
    assert rotating.open(sealed, PLACE) == b"shhh"
    assert not rotating.is_current(sealed)
    assert rotating.is_current(rotating.seal(b"shhh", PLACE))


def test_one_key_used_for_both_rings_does_not_mix_them() -> None:
    key = generate_key()
    sealed = SigningKeyRing.from_text(key).seal(bytes(32), PLACE)
    with pytest.raises(DecryptionFailed):
        MasterKeyRing.from_text(key).cipher(TENANT, WrappedKey(ROW, sealed))


def test_keys_are_read_in_both_base64_alphabets_with_or_without_padding() -> None:
    secret = bytes(range(224, 256))
    for text in (base64.b64encode(secret), base64.urlsafe_b64encode(secret).rstrip(b"=")):
        assert decode_key(text.decode()) == secret


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 bytes"),
        ("not base64!", "not base64"),
        ("ключ", "not base64"),
        (base64.b64encode(bytes(range(16))).decode(), "16 bytes"),
        (base64.b64encode(b"changeme" * 4).decode(), "placeholder"),
    ],
)
def test_a_bad_key_is_refused_by_a_reason_that_does_not_show_it(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        decode_key(text)
    assert not text or text not in str(caught.value)


def test_a_key_does_not_show_its_secret() -> None:
    key = Key.from_text(generate_key())
    assert "secret" not in repr(key)
    assert "wrapped=" not in repr(TENANT_KEY)
