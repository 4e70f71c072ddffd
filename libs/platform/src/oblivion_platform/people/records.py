"""A row of `users`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

from oblivion_platform.errors import PermanentFailure

Role = Literal["admin", "user", "guest"]


class UserNotFound(PermanentFailure):
    """404, also for a user of another tenant."""

    http_status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("user_not_found", "There is no such user.")


@dataclass(frozen=True)
class User:
    """A person of a tenant."""

    id: UUID
    name: str
    email: str | None
    role: Role
    state: Literal["active", "disabled"]
    is_operator: bool
    preferences: Mapping[str, Any]
    created_at: datetime

    @property
    def is_active(self) -> bool:
        return self.state == "active"
