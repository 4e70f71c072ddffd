"""`oblivion login`."""

import asyncio
from typing import Annotated

import typer

from oblivion_cli import console
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.options import Tenant
from oblivion_cli.errors import DependencyAway
from oblivion_cli.usecases.users import Users


def login(
    user: Annotated[str | None, typer.Option(help="As whom; default: the first admin.")] = None,
    tenant: Tenant = None,
) -> None:
    """Print a link that signs one browser in, once, within ten minutes; for a system on this machine."""

    async def run() -> str:
        async with open_admin(tenant) as admin:
            url = admin.access.public_url
            if url is None:
                raise DependencyAway("It is not known where the system is.", "Set OBLIVION_PUBLIC_URL.")
            code = await Users(admin.database, admin.tenant.id, admin.actor).sign_in_code(user)
            return f"{url}/auth/dev?code={code}"

    console.out.print(asyncio.run(run()), markup=False)
