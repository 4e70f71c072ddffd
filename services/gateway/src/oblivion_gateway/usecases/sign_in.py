"""People sign in: by a provider's word or by a one-time link; the result is a browser's cookie.

Somebody is found by the identity they signed in with before, else by an address that the provider has
verified and one user of the tenant has, else let in with the role that the settings name for newcomers, if
any; but that only where there is one tenant alone.
"""

from typing import Protocol
from uuid import UUID

from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.domain.identities import Identity
from oblivion_gateway.errors import NothingThere
from oblivion_platform import people
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.door import NotAllowed
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.people import Role, User


class Tenants(Protocol):
    """Which tenants there are, and which Slack workspaces are theirs."""

    async def by_slug(self, slug: str) -> UUID | None: ...

    async def is_only(self, tx: Tx) -> bool:
        """Whether there is one tenant alone."""
        ...

    async def has_slack_team(self, tx: Tx, team: str) -> bool: ...


class SignIn:
    """Signs browsers in and out."""

    def __init__(self, database: Database, tenants: Tenants, newcomers_role: Role | None) -> None:
        self._database = database
        self._tenants = tenants
        self._newcomers_role: Role | None = newcomers_role

    async def tenant(self, slug: str) -> UUID:
        """Raises: NothingThere."""
        tenant_id = await self._tenants.by_slug(slug)
        if tenant_id is None:
            raise NothingThere("tenant")
        return tenant_id

    async def by_identity(self, tenant_id: UUID, identity: Identity) -> str:
        """The cookie of a browser that is signed in now.

        Raises:
            NotAllowed: nobody of the tenant, or disabled.
        """
        async with self._database.tenant(tenant_id) as tx:
            user = await self._user(tx, tenant_id, identity)
            await people.link_identity(
                tx, tenant_id, user.id, identity.provider, identity.subject, identity.name
            )
            actor = Actor(f"user:{user.id}")
            await note(tx, tenant_id, actor, "user.signed_in", user.id, how=identity.provider)
            return await people.open_session(tx, tenant_id, user.id)

    async def meant_by(self, code: str) -> str | None:
        """The name of whom a one-time code would sign in; None when it signs nobody in any more."""
        tenant_id = people.tenant_of(code)
        if tenant_id is None:
            return None
        async with self._database.tenant(tenant_id) as tx:
            user = await people.link_user(tx, code)
        return None if user is None else user.name

    async def by_link(self, code: str) -> str:
        """The cookie for a one-time code.

        Raises:
            NotAllowed: used up, over or invented.
        """
        tenant_id = people.tenant_of(code)
        cookie = None
        if tenant_id is not None:
            async with self._database.tenant(tenant_id) as tx:
                cookie = await people.redeem_link(tx, tenant_id, code)
                user = None if cookie is None else await people.session_user(tx, cookie)
                if user is not None:
                    actor = Actor(f"user:{user.user_id}")
                    await note(tx, tenant_id, actor, "user.signed_in", user.user_id, how="link")
        if cookie is None:
            raise NotAllowed("The link was used before, or is over. Get a new one with `oblivion login`.")
        return cookie

    async def renew(self, caller: Caller, cookie: str) -> people.RenewedCookie | None:
        """The next cookie of a browser whose cookie has been in use for long enough."""
        async with self._database.tenant(caller.tenant_id) as tx:
            return await people.renew_cookie(tx, caller.tenant_id, cookie)

    async def out(self, caller: Caller, cookie: str) -> None:
        async with self._database.tenant(caller.tenant_id) as tx:
            await people.revoke_session(tx, cookie)

    async def _user(self, tx: Tx, tenant_id: UUID, identity: Identity) -> User:
        if identity.team is not None and not await self._tenants.has_slack_team(tx, identity.team):
            raise NotAllowed("Your Slack workspace is not connected to this tenant.")
        user = await people.find_by_identity(tx, identity.provider, identity.subject)
        if user is None and identity.email is not None:
            user = await _with_email(tx, identity.email)
        # Of several tenants, an account at the provider does not say which one somebody belongs to.
        if user is None and self._newcomers_role is not None and await self._tenants.is_only(tx):
            new = people.NewUser(identity.name[:200] or "somebody", identity.email, self._newcomers_role)
            user = await people.create_user(tx, tenant_id, new)
        if user is None or not user.is_active:
            raise NotAllowed("You are nobody here yet. Ask an admin of the tenant to let you in.")
        return user


async def _with_email(tx: Tx, email: str) -> User | None:
    try:
        user = await people.find_user(tx, email)
    except people.UserNotFound:
        return None
    return user if user.email == email else None
