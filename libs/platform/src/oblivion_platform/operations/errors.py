"""What can be wrong with an admin's wish."""

from http import HTTPStatus

from oblivion_platform.errors import PermanentFailure


class NothingFound(PermanentFailure):
    """404: the tenant has no such thing."""

    http_status = HTTPStatus.NOT_FOUND

    def __init__(self, what: str) -> None:
        super().__init__(f"{what.replace(' ', '_')}_not_found", f"There is no such {what}.")


class AlreadyThere(PermanentFailure):
    """409: what is there already is in the way."""

    http_status = HTTPStatus.CONFLICT


class CannotBeDone(PermanentFailure):
    """422: understood, and not possible."""
