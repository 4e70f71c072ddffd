"""The API of the system that is meant, and tokens for it."""

import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin
from oblivion_cli.errors import DependencyAway
from oblivion_cli.usecases.sign_in import LocalSignIn


@dataclass(frozen=True)
class SignedIn:
    """Where the API is, and how to get a fresh token for it."""

    base_url: str
    token: Callable[[], Awaitable[str]] = field(repr=False)


@contextlib.asynccontextmanager
async def signed_in(tenant: str | None) -> AsyncGenerator[SignedIn]:
    """With OBLIVION_TOKEN, else as the admin of the system that runs here.

    Raises:
        DependencyAway: nothing runs here, and the environment names no system.
    """
    access = Access.from_environment()
    base_url = os.environ.get("OBLIVION_URI") or access.public_url
    if base_url is None:
        raise DependencyAway(
            "Oblivion does not run here.",
            "Start it with `oblivion up`, or set OBLIVION_URI and OBLIVION_TOKEN.",
        )
    if given := os.environ.get("OBLIVION_TOKEN"):

        async def as_given() -> str:
            return given

        yield SignedIn(base_url, as_given)
        return
    async with open_admin(tenant) as admin:
        issuer = access.public_url or base_url
        sign_in = LocalSignIn(admin.database, access.master_keys, admin.tenant.id, admin.actor, issuer)
        yield SignedIn(base_url, sign_in.token)
