"""Checkpoints: what fits, what does not, and what was not made here."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_client.checkpoints import INFLATED_BYTES_MAX, pack, unpack
from oblivion_client.errors import CheckpointTooLarge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_a_json_value_comes_back_as_it_was(value: object) -> None:
    assert unpack(pack(value)) == value


def test_what_is_too_large_even_compressed_is_refused_with_advice() -> None:
    noise = random.Random(1).randbytes(400_000).hex()
    with pytest.raises(CheckpointTooLarge, match="262,144 are allowed"):
        pack(noise)


def test_what_compresses_well_may_be_large() -> None:
    value = ["the same again"] * 100_000
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"bytes"])
def test_what_is_no_json_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="JSON value"):
        pack(value)


@pytest.mark.parametrize("packed", [b"", b"not zlib", zlib.compress(b"x" * 100)[:-4], zlib.compress(b"{")])
def test_a_damaged_checkpoint_is_an_error(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|Expecting"):
        unpack(packed)


def test_a_checkpoint_that_grows_without_bound_is_refused() -> None:
    bomb = zlib.compress(b"0" * (INFLATED_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="damaged"):
        unpack(bomb)
