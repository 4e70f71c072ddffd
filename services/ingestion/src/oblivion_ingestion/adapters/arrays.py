"""Postgres arrays in the binary format, built column by column.

psycopg's own list dumper costs more per value than Postgres needs to insert it.
Source: array_recv in src/backend/utils/adt/arrayfuncs.c.
"""

import struct
from collections.abc import Iterable

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = struct.Struct("!IIIII")  # dimensions, has nulls, element type, length, lower bound
_LENGTH = struct.Struct("!I").pack
_SMALLINT = struct.Struct("!Ih").pack

BYTEA_OID, TEXT_OID, INT2_OID, UUID_OID = 17, 25, 21, 2950


class BinaryArray:
    """One-dimensional, without nulls: ready to be sent."""

    __slots__ = ("wire",)

    def __init__(self, wire: bytes) -> None:
        self.wire = wire


class _BinaryArrayDumper(Dumper):
    """Passes the bytes on; the statement's casts name the type."""

    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> Buffer:
        return obj.wire


psycopg.adapters.register_dumper(BinaryArray, _BinaryArrayDumper)


def array_of(element_oid: int, values: list[bytes]) -> BinaryArray:
    """Values in the binary format of their type: 16 bytes of a UUID, UTF-8 of a text, bytes as they are."""
    parts = [_HEAD.pack(1, 0, element_oid, len(values), 1)]
    for value in values:
        parts.append(_LENGTH(len(value)))
        parts.append(value)
    return BinaryArray(b"".join(parts))


def array_of_smallint(values: Iterable[int]) -> BinaryArray:
    """Small integers."""
    items = [_SMALLINT(2, value) for value in values]
    return BinaryArray(_HEAD.pack(1, 0, INT2_OID, len(items), 1) + b"".join(items))
