"""Socket.IO packets of agents, read so that whatever arrives can be stored.

The standard parser takes NaN and Infinity, which are no JSON, and makes 1e999 infinite: it becomes the
largest number. NUL and lone surrogates, which a model's output may well hold, break Postgres: they become
U+FFFD.
"""

# python-socketio ships no types.
# pyright: basic

import json
import sys
from typing import Any, NoReturn

from socketio.packet import Packet

REPLACEMENT = "\ufffd"
_SUSPECTS = ("\\u0000", "\\ud", "\\uD")


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")


def _finite(digits: str) -> float:
    return max(-sys.float_info.max, min(sys.float_info.max, float(digits)))


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


class StorableJson:
    """What python-socketio takes for the json module."""

    @staticmethod
    def loads(text: str, **_: object) -> Any:
        """Raises: ValueError, RecursionError; the packet is dropped."""
        value = _DECODER.decode(text)
        return storable(value) if any(suspect in text for suspect in _SUSPECTS) else value

    @staticmethod
    def dumps(value: object, **_: object) -> str:
        return _ENCODER.encode(value)


def storable(value: Any) -> Any:
    """`value` without characters that no database can hold."""
    if isinstance(value, str):
        return value.replace("\0", REPLACEMENT).encode(errors="replace").decode()
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value


class AgentPacket(Packet):
    """Has a parser of its own, so that other users of python-socketio in the process keep theirs."""

    json = StorableJson
