"""One tenant's system, opened for an admin verb."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oblivion_cli.access import Access
from oblivion_cli.errors import CommandFailed, DependencyAway, UsageWrong
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.connect import Connector
from oblivion_cli.usecases.integrations import Integration, the_integration
from oblivion_cli.usecases.tenants import Tenant, find_tenant
from oblivion_cli.usecases.vault import Vault
from oblivion_platform.database.engine import Database, PrivilegedRole
from oblivion_platform.errors import DependencyUnavailable, OblivionFailure

if TYPE_CHECKING:
    from oblivion_cli.adapters.clickup import ClickUpApi
    from oblivion_cli.adapters.slack import SlackApi


@dataclass(frozen=True)
class Admin:
    """Who acts, for which tenant, on which system."""

    access: Access
    database: Database
    tenant: Tenant
    actor: Actor

    @property
    def connector(self) -> Connector:
        return Connector(
            self.database, self.access.master_keys, self.access.signing_keys, self.tenant.id, self.actor
        )

    async def slack(self) -> "tuple[Integration, SlackApi]":
        """The connected Slack, ready to be asked."""
        from oblivion_cli.adapters.slack import SlackApi  # Loads an HTTP client, which few verbs need.

        async with self.database.tenant(self.tenant.id) as tx:
            integration = await the_integration(tx, "slack")
            vault = await Vault.open(tx, self.tenant.id, self.access.master_keys, self.access.signing_keys)
            token = await vault.credential(integration.id, "slack_bot_token")
        if token is None:
            raise CommandFailed("Slack's token is gone.", "Run `oblivion slack connect` again.")
        return integration, SlackApi(self.access.slack_api_url, token)

    async def clickup(self) -> "tuple[Integration, ClickUpApi]":
        """The connected ClickUp workspace, ready to be asked."""
        from oblivion_cli.adapters.clickup import ClickUpApi  # As above.

        async with self.database.tenant(self.tenant.id) as tx:
            integration = await the_integration(tx, "clickup")
            vault = await Vault.open(tx, self.tenant.id, self.access.master_keys, self.access.signing_keys)
            token = await vault.credential(integration.id, "clickup_token")
        if token is None:
            raise CommandFailed("ClickUp's token is gone.", "Run `oblivion clickup connect` again.")
        return integration, ClickUpApi(self.access.clickup_api_url, token)


@asynccontextmanager
async def open_database(access: Access) -> AsyncGenerator[Database]:
    """The database under the command line's role.

    Raises:
        DependencyAway: Postgres does not answer.
        UsageWrong: the role could read, and change, every tenant's rows.
        CommandFailed: any other failure, with its sentence.
    """
    database = Database.connect(access.database_url, pool_size=2)
    try:
        await database.refuse_privileged_role()
        yield database
    except PrivilegedRole as error:
        raise UsageWrong(
            f"{str(error).partition(';')[0]}.", "Use the role oblivion_cli in OBLIVION_DATABASE_URL."
        ) from error
    except DependencyUnavailable as away:
        raise DependencyAway(f"{away.message}.", "Run `oblivion doctor`.") from away
    except OblivionFailure as failure:
        raise CommandFailed(f"{failure.message} ({failure.code}).", "Run `oblivion doctor`.") from failure
    finally:
        await database.close()


@asynccontextmanager
async def open_admin(tenant_slug: str | None) -> AsyncGenerator[Admin]:
    """The tenant named, or the only one."""
    access = Access.from_environment()
    async with open_database(access) as database:
        yield Admin(access, database, await find_tenant(database, tenant_slug), Actor.on_this_machine())
