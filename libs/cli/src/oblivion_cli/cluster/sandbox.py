"""Connects the sandbox of a cluster to a first tenant, once the schema and the sandbox are there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from oblivion_cli.access import Access
from oblivion_cli.cluster.api import secrets_here
from oblivion_cli.cluster.squad import keep_squad
from oblivion_cli.errors import DependencyAway, UsageWrong
from oblivion_cli.home import Home, HomeSecrets
from oblivion_cli.up.first_start import Addresses, connect_sandbox
from oblivion_platform.database.engine import Database
from oblivion_sandbox.control import SandboxControl

BOTH_WITHIN_S = 600.0
POLL_S = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Places:
    """Addresses as pods see them."""

    sandbox_url: str
    webhooks_url: str


async def connect(access: Access, places: Places, squad: str, say: Say) -> None:
    """Tenant, squad, tokens, secrets and webhook; again at every run, changing only what differs.

    Raises:
        DependencyAway: the schema or the sandbox did not come.
    """
    try:
        async with asyncio.timeout(BOTH_WITHIN_S):
            say("waiting for the schema and the sandbox")
            await _until_usable(access.database_url)
            await _until_it_answers(places.sandbox_url)
    except TimeoutError:
        raise DependencyAway("The schema or the sandbox did not come.", "See: kubectl get pods") from None
    addresses = Addresses(
        access.database_url, places.sandbox_url, places.webhooks_url, pages_url=places.sandbox_url
    )
    keys = _keys_of(access)

    async def register(home: Home) -> None:
        await connect_sandbox(addresses, keys, frozenset(), home)

    async with secrets_here() as store, SandboxControl(places.sandbox_url) as control:
        await keep_squad(store, squad, register)
        account = await control.github.account()
        await store.put(f"{squad}-environment", _environment(places.sandbox_url, str(account["token"])))
    say("Slack and ClickUp are the sandbox's, for the tenant `default`")


def _environment(sandbox_url: str, github_token: str) -> dict[str, str]:
    """What the squad needs for the sandbox's model and repositories."""
    return {
        "GITHUB_TOKEN": github_token,
        "OBLIVION_GITHUB_API_URL": f"{sandbox_url}/github",
        "OPENAI_API_KEY": "sandbox",
    }


def _keys_of(access: Access) -> HomeSecrets:
    master, signing = access.settings.master_key, access.settings.signing_key
    if master is None or signing is None:
        raise UsageWrong(
            "OBLIVION_MASTER_KEY or OBLIVION_SIGNING_KEY is not set.", "The chart's Job sets both."
        )
    return HomeSecrets(master.get_secret_value(), signing.get_secret_value(), {})


async def _until_usable(database_url: str) -> None:
    database = Database.connect(database_url, pool_size=1)
    try:
        await database.wait_until_usable(poll_s=POLL_S)
    finally:
        await database.close()


async def _until_it_answers(url: str) -> None:
    async with httpx.AsyncClient(timeout=5.0) as http:
        while True:
            try:
                if (await http.get(f"{url}/health/ready")).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(POLL_S)
