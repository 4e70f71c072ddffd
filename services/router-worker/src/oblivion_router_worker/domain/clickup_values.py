"""ClickUp's identifiers and times, checked before they go anywhere."""

import re

# An id enters the path of API addresses, so nothing that could change that path may pass.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MS = re.compile(r"-?[0-9]{1,15}", re.ASCII)


def is_clickup_id(value: object) -> bool:
    """Tell whether `value` may stand in a URL path as the id of a task, list, comment or webhook."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def clickup_id(value: object) -> str | None:
    """A safe id, given as string or number; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and is_clickup_id(value) else None


def unix_ms(value: object) -> int | None:
    """A time as Unix milliseconds, which ClickUp sends as string or number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str) or _MS.fullmatch(value) is None:
        return None
    return int(value)
