"""`{connection}__{tool}`, as every model's API takes it: 64 characters of letters, digits, `_` and `-`.

A connection's name holds no underscore, so no connection can make a name that another one's tool has.
"""

import hashlib
import re

LENGTH_MAX = 64
SEPARATOR = "__"
_DIGEST_LENGTH = 8
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def qualified(connection: str, tool: str) -> str:
    """The name that agents see; one that is too long is cut, and ends in a digest of the whole."""
    name = f"{connection}{SEPARATOR}{_NOT_IN_NAMES.sub('_', tool)}"
    if len(name) <= LENGTH_MAX:
        return name
    digest = hashlib.sha256(tool.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{name[: LENGTH_MAX - _DIGEST_LENGTH - 1]}_{digest}"
