"""Identifiers of our own, read from where anybody could have written them."""

from uuid import UUID


def uuid_or_none(value: object) -> UUID | None:
    """The UUID that a text spells, or None."""
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
