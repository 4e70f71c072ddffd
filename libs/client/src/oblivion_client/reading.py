"""Reads what a server says: a newer one may say more than this version knows, which is left out."""

import copy
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from oblivion_contracts.model import Contract

ContractT = TypeVar("ContractT", bound=Contract)


def read(contract: type[ContractT], data: object) -> ContractT:
    """The message; unknown fields are dropped.

    Raises:
        ValidationError: it is not of the contract, whatever is dropped.
    """
    try:
        return contract.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        if any(fault["type"] != "extra_forbidden" for fault in faults):
            raise
        known = copy.deepcopy(data)
        for fault in faults:
            _drop(known, fault["loc"])
        return contract.model_validate(known)


def _drop(data: object, location: tuple[int | str, ...]) -> None:
    """Remove what `location` leads to; a step that the data does not have (a union's name) is passed over."""
    *steps, last = location
    place: Any = data
    for step in steps:
        if isinstance(place, dict) and step in place:
            place = cast("dict[Any, Any]", place)[step]
        elif isinstance(place, list) and isinstance(step, int):
            place = cast("list[Any]", place)[step]
    if isinstance(place, dict):
        cast("dict[Any, Any]", place).pop(last, None)
