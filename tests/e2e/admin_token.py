"""Run in the administrator's pod, with a tenant's slug: prints a token of 15 minutes of its first admin."""

import asyncio
import sys

from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin
from oblivion_cli.usecases.sign_in import LocalSignIn


async def main() -> str:
    access = Access.from_environment()
    async with open_admin(sys.argv[1]) as admin:
        issuer = access.public_url or ""
        return await LocalSignIn(
            admin.database, access.master_keys, admin.tenant.id, admin.actor, issuer
        ).token()


if __name__ == "__main__":
    print(asyncio.run(main()))
