"""What the checks look at: one system, and the tenant in question."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from oblivion_cli.access import Access
from oblivion_cli.admin import Admin
from oblivion_cli.errors import CommandFailed
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.tenants import find_tenant
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Patient:
    """Everything a check may ask; what is away is found out by asking."""

    access: Access
    database: Database
    tenant_slug: str | None
    wanted_port: int
    round_trips: bool
    """Whether test messages may be posted; they are deleted at once."""
    now: Callable[[], datetime] = utc_now
    round_trip_s: float = 10.0

    @property
    def has_system(self) -> bool:
        """Whether the environment names a system, or one runs here."""
        return self.access.settings.database_url is not None or self.access.running is not None

    async def admin(self) -> Admin:
        """The tenant in question.

        Raises:
            CannotTell: no database, or no such tenant; the checks of those say more.
        """
        try:
            tenant = await find_tenant(self.database, self.tenant_slug)
        except DependencyUnavailable as away:
            raise CannotTell(away.message) from away
        except CommandFailed as failure:
            raise CannotTell(failure.sentence.rstrip(".")) from failure
        return Admin(self.access, self.database, tenant, Actor("oblivion doctor"))


class CannotTell(CommandFailed):
    """A check cannot be made, because of something that another check reports."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "")
