"""Refusals in ClickUp's own words. Source: https://developer.clickup.com/docs/common_errors"""

from oblivion_sandbox.store import Json


class ClickUpError(Exception):
    """A refused request: nothing was changed."""

    def __init__(self, status: int, err: str, code: str) -> None:
        super().__init__(err)
        self.status = status
        self.err = err
        self.code = code

    def as_json(self) -> Json:
        return {"err": self.err, "ECODE": self.code}


def not_found(what: str) -> ClickUpError:
    """404 as ClickUp words it for a thing that is not there, or no more."""
    return ClickUpError(
        404, f"{what} not found", {"Task": "ITEM_013", "List": "SUBCAT_029"}.get(what, "ITEM_015")
    )


def invalid(err: str, code: str = "INPUT_005") -> ClickUpError:
    return ClickUpError(400, err, code)
