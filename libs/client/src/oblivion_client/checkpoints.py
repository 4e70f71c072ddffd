"""Checkpoints: a JSON value, compressed, small enough to travel with every assignment."""

import json
import zlib
from typing import Any

from oblivion_client.errors import CheckpointTooLarge
from oblivion_contracts.runs import CHECKPOINT_BYTES_MAX

INFLATED_BYTES_MAX = 64 * 1024 * 1024
"""A stored checkpoint that grows beyond this was not made by `pack`."""


def pack(value: object) -> bytes:
    """Compress a JSON value.

    Raises:
        CheckpointTooLarge: more than 256 KiB even so.
        TypeError: it is no JSON value.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"A checkpoint has to be a JSON value: {error}.") from error
    packed = zlib.compress(text.encode(errors="surrogatepass"), level=6)
    if len(packed) > CHECKPOINT_BYTES_MAX:
        raise CheckpointTooLarge(
            f"The checkpoint is {len(packed):,} bytes compressed; {CHECKPOINT_BYTES_MAX:,} are allowed. "
            "Store what it takes to go on, such as ids and positions, and fetch the rest again."
        )
    return packed


def unpack(packed: bytes) -> Any:
    """The JSON value that `pack` was given.

    Raises:
        ValueError: it is no checkpoint of this package.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, INFLATED_BYTES_MAX)
    except zlib.error as error:
        raise ValueError("the checkpoint is damaged") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError("the checkpoint is damaged")
    return json.loads(text.decode(errors="surrogatepass"))
