"""Keys from a key management service: the plug.

OBLIVION_KEY_SERVICE names a function of yours as `package.module:function`. What OBLIVION_MASTER_KEY and the
other key settings hold is then not the key, but what your service made of it; the function is called with it,
once for each key at the start of a process, and returns the key as the setting would hold it without a
service (base64 of 32 bytes).
"""

import importlib
import threading
from collections.abc import Callable
from typing import Any

TIMEOUT_S = 10.0
NAME = "OBLIVION_KEY_SERVICE"

Unwrap = Callable[[str], str]


def unwrap_by(plug: str) -> Unwrap:
    """The function that `plug` names, held to its time and to its type.

    Raises:
        ValueError: there is none. What it returns raises ValueError too; neither says a key.
    """
    module, separator, name = plug.partition(":")
    if not separator or not module or not name:
        raise ValueError(f"{NAME} is not of the form package.module:function")
    try:
        unwrap: Any = getattr(importlib.import_module(module), name)
    except Exception as error:  # Whatever somebody else's module raises, or a name that is none.
        raise ValueError(f"{NAME} names nothing that can be loaded here ({type(error).__name__})") from None
    if not callable(unwrap):
        raise ValueError(f"{NAME} names no function")
    return lambda wrapped: _within_its_time(unwrap, wrapped)


def _within_its_time(unwrap: Callable[[str], object], wrapped: str) -> str:
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(unwrap(wrapped))
        except Exception as error:  # Somebody else's code, whose message may hold a key.
            answers.append(error)

    # A thread that does not end must not keep the process from ending.
    asking = threading.Thread(target=ask, name="key service", daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    if not answers:
        raise ValueError(f"was not opened: the key service did not answer within {TIMEOUT_S:.0f} s")
    answer = answers[0]
    if isinstance(answer, str):
        return answer
    kind = type(answer).__name__
    raise ValueError(f"was not opened: the key service answered with {kind} in the place of a key")
