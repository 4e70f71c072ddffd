"""Connects the embedded system to its own sandbox: a first tenant, tokens, secrets, webhook.

Runs at every start and changes only what differs: a fresh sandbox has new tokens, and a port that was taken
moves the addresses that events are sent to.
"""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import text

from oblivion_cli.adapters.clickup import ClickUpApi
from oblivion_cli.errors import NotFound
from oblivion_cli.home import Home, HomeSecrets
from oblivion_cli.up.squad import register_squad
from oblivion_cli.up.stand_ins import StandIns
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.clickup_webhook import keep_one_webhook
from oblivion_cli.usecases.connect import ClickUpFacts, Connector, SlackFacts
from oblivion_cli.usecases.tenants import NewTenant, Tenant, create_tenant, find_tenant
from oblivion_cli.usecases.users import Users
from oblivion_platform.crypto import MasterKeyRing, SigningKeyRing
from oblivion_platform.database.engine import Database
from oblivion_sandbox.control import SandboxControl

FIRST_TENANT = NewTenant(slug="default", name="Default", admin="you")
ACTOR = Actor("oblivion up")


@dataclass(frozen=True)
class Addresses:
    """Where the parts of the embedded system are."""

    database_url: str
    sandbox_url: str
    front_url: str
    """What takes webhooks."""
    pages_url: str | None = None
    """Where people see Slack, when that is not the front."""


async def sign_in_path(database_url: str) -> str:
    """The path that signs one browser in as the first tenant's first admin, once."""
    database = Database.connect(database_url, pool_size=1)
    try:
        tenant = await find_tenant(database, FIRST_TENANT.slug)
        code = await Users(database, tenant.id, ACTOR).sign_in_code(None)
    finally:
        await database.close()
    return f"/auth/dev?code={code}"


async def connect_sandbox(
    addresses: Addresses, secrets: HomeSecrets, real_ones: frozenset[str], home: Home
) -> None:
    """Make the first tenant with its squad; connect stand-ins for what is not connected for real."""
    master_keys = MasterKeyRing.from_text(secrets.master_key)
    signing_keys = SigningKeyRing.from_text(secrets.signing_key)
    database = Database.connect(addresses.database_url, pool_size=2)
    try:
        tenant = await _first_tenant(database, master_keys)
        await register_squad(database, master_keys, tenant.id, home)
        connector = Connector(database, master_keys, signing_keys, tenant.id, ACTOR)
        async with SandboxControl(addresses.sandbox_url) as control:
            if "slack" not in real_ones:
                await _connect_slack(connector, control, addresses)
                await _welcome_people(database, tenant.id, control)
            if "clickup" not in real_ones:
                await _connect_clickup(connector, control, addresses)
            stand_ins = StandIns(database, master_keys, tenant.id, ACTOR)
            await stand_ins.connect(addresses.sandbox_url, real_ones)
    finally:
        await database.close()


async def _first_tenant(database: Database, master_keys: MasterKeyRing) -> Tenant:
    try:
        return await find_tenant(database, FIRST_TENANT.slug)
    except NotFound:
        return await create_tenant(database, master_keys, FIRST_TENANT, ACTOR)


async def _connect_slack(connector: Connector, control: SandboxControl, addresses: Addresses) -> None:
    app = await control.slack.app()
    facts = SlackFacts(
        team_id=app["team_id"],
        team_name=app["team_name"],
        app_id=app["app_id"],
        bot_token=app["bot_token"],
        signing_secret=app["signing_secret"],
        config={
            "bot_user_id": app["bot_user_id"],
            "bot_id": app["bot_id"],
            "workspace_url": f"{addresses.pages_url or addresses.front_url}/slack/",
            "sandbox": True,
        },
    )
    integration_id = await connector.connect_slack(facts)
    await control.slack.change_app(request_url=f"{addresses.front_url}/webhooks/slack/{integration_id}")


async def _welcome_people(database: Database, tenant_id: UUID, control: SandboxControl) -> None:
    """@you is the admin; everybody else in the sandbox is a guest, from their first question on."""
    app, people = await control.slack.app(), await control.slack.users()
    subject = f"{app['team_id']}:{people['you']}"
    async with database.tenant(tenant_id) as tx:
        await tx.execute(_YOU_ARE_ADMIN, {"id": uuid4(), "tenant": tenant_id, "subject": subject})
        await tx.execute(_GUESTS_WELCOME, {"tenant": tenant_id})


async def _connect_clickup(connector: Connector, control: SandboxControl, addresses: Addresses) -> None:
    owner = await control.clickup.owner()
    token, team_id = owner["token"], owner["team_id"]
    async with ClickUpApi(f"{addresses.sandbox_url}/clickup/api/v2", token) as clickup:
        (team,) = [team for team in await clickup.teams() if team["id"] == team_id]
        facts = ClickUpFacts(
            team_id=team_id,
            team_name=team["name"],
            token=token,
            config={
                "owner_id": str(owner["user"]["id"]),
                "owner_name": owner["user"]["username"],
                "sandbox": True,
            },
        )
        integration_id = await connector.connect_clickup(facts)
        await keep_one_webhook(connector, clickup, integration_id, addresses.front_url)


_YOU_ARE_ADMIN = text("""
    INSERT INTO user_identities (id, tenant_id, user_id, provider, subject, display_name)
    SELECT :id, :tenant, id, 'slack', :subject, 'you' FROM users WHERE role = 'admin'
    ORDER BY created_at LIMIT 1
    ON CONFLICT (tenant_id, provider, subject) DO NOTHING
""")
# What an admin has set since stays.
_GUESTS_WELCOME = text("""
    UPDATE tenants SET settings = CAST('{"unknown_users": "guest"}' AS jsonb) || settings WHERE id = :tenant
""")
