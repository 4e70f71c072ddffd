"""Signatures are compared as bytes, timestamps are ASCII digits."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_ingestion.domain.signatures import HmacProof, timestamp_is_fresh

NOW = 1_700_000_000.5


def sign(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, body, hashlib.sha256).hexdigest().encode()


@given(body=st.binary(max_size=200), secret=st.binary(min_size=1, max_size=40))
def test_the_right_secret_proves_the_body_and_another_does_not(body: bytes, secret: bytes) -> None:
    proof = HmacProof(body, sign(body, secret))
    assert proof.holds_under(secret)
    # Longer than HMAC's block, or two keys that differ in trailing zeros would be one.
    assert not proof.holds_under(secret + b"x")


@given(signature=st.binary(max_size=100))
def test_no_other_bytes_are_a_signature_and_none_raise(signature: bytes) -> None:
    assert not HmacProof(b"body", signature).holds_under(b"secret") or signature == sign(b"body", b"secret")


def test_an_empty_secret_proves_nothing() -> None:
    assert not HmacProof(b"body", sign(b"body", b"")).holds_under(b"")


@pytest.mark.parametrize("offset_s", [-300, -1, 0, 1, 300])
def test_five_minutes_either_way_are_fresh(offset_s: int) -> None:
    assert timestamp_is_fresh(str(1_700_000_000 + offset_s).encode(), 1_700_000_000.0)


@pytest.mark.parametrize(
    "timestamp",
    [
        b"1699999699",
        b"1700000301",
        b"",
        b"nan",
        b"inf",
        b"-1700000000",
        b"+1700000000",
        b" 1700000000",
        b"1700000000.0",
        b"1_700_000_000",
        b"17e8",
        "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660".encode(),
        b"9" * 5000,
        b"\xff\xfe",
    ],
)
def test_stale_future_and_misshapen_timestamps_are_not(timestamp: bytes) -> None:
    assert not timestamp_is_fresh(timestamp, 1_700_000_000.0)
