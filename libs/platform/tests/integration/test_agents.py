import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from oblivion_contracts.agents import AgentDefinition
from oblivion_platform.agents import (
    CHANNEL,
    MUTES_CHANNEL,
    AgentDirectory,
    AgentNameTaken,
    AgentNotFound,
    ClientId,
    SecretHasher,
    create_agent,
    find_agent,
    issue_secret,
    list_agents,
    list_secrets,
    mute_agent,
    mute_loud_agent,
    read_agent,
    retire_secret,
    secret_is_live,
    seed_squad,
    set_agent_state,
    update_agent,
)
from oblivion_platform.crypto import MasterKeyRing, generate_key
from oblivion_platform.database.announcements import Announcements
from oblivion_platform.database.engine import Database
from oblivion_platform.testing import FreshDatabase, eventually

HASHER = SecretHasher(MasterKeyRing.from_text(generate_key()))


@asynccontextmanager
async def connected(database: FreshDatabase) -> AsyncGenerator[tuple[Database, UUID]]:
    tenant_id = uuid4()
    cli = Database.connect(database.url("oblivion_cli"), pool_size=1)
    async with cli.tenant(tenant_id) as tx:
        await tx.execute(
            text("INSERT INTO tenants (id, slug, name) VALUES (:id, :slug, 'T')"),
            {"id": tenant_id, "slug": f"t{tenant_id.hex[:8]}"},
        )
    await cli.close()
    gateway = Database.connect(database.url("oblivion_gateway"), pool_size=4)
    try:
        yield gateway, tenant_id
    finally:
        await gateway.close()


async def test_an_agent_is_found_by_name_and_by_alias_in_any_case(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant), db.tenant(tenant) as tx:
        made = await create_agent(tx, tenant, "fixer", AgentDefinition(aliases=["@Bug-Fixer"]))

        assert (await find_agent(tx, "@BUG-fixer")).id == made.id
        assert (await find_agent(tx, "fixer")).definition.aliases == ["@Bug-Fixer"]


@pytest.mark.parametrize("wish", [("fixer", []), ("other", ["@fixer"]), ("other", ["@Bugs"]), ("bugs", [])])
async def test_no_two_agents_share_a_name(database: FreshDatabase, wish: tuple[str, list[str]]) -> None:
    name, aliases = wish
    async with connected(database) as (db, tenant):
        async with db.tenant(tenant) as tx:
            await create_agent(tx, tenant, "fixer", AgentDefinition(aliases=["@bugs"]))

        with pytest.raises(AgentNameTaken):
            async with db.tenant(tenant) as tx:
                await create_agent(tx, tenant, name, AgentDefinition(aliases=aliases))


async def test_the_squads_alias_is_nobodys_own(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant):
        with pytest.raises(AgentNameTaken):
            async with db.tenant(tenant) as tx:
                await create_agent(tx, tenant, "fixer", AgentDefinition(aliases=["@ai_squad"]))


async def test_an_update_frees_the_aliases_it_leaves_out(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant), db.tenant(tenant) as tx:
        fixer = await create_agent(tx, tenant, "fixer", AgentDefinition(aliases=["@a", "@b"]))
        await update_agent(tx, tenant, fixer.id, AgentDefinition(aliases=["@b"]))
        other = await create_agent(tx, tenant, "other", AgentDefinition(aliases=["@a"]))

        assert (await find_agent(tx, "a")).id == other.id


async def test_an_agent_of_another_tenant_is_not_there(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant), connected(database) as (_, other):
        async with db.tenant(tenant) as tx:
            agent = await create_agent(tx, tenant, "fixer", AgentDefinition())

        with pytest.raises(AgentNotFound):
            async with db.tenant(other) as tx:
                await read_agent(tx, agent.id)


async def test_two_secrets_live_and_a_third_retires_the_oldest(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant), db.tenant(tenant) as tx:
        agent = await create_agent(tx, tenant, "fixer", AgentDefinition())
        client = ClientId(tenant, agent.id)
        issued = [await issue_secret(tx, HASHER, client) for _ in range(3)]

        assert [one.live_secrets for one in issued] == [1, 2, 2]
        live = [await secret_is_live(tx, HASHER, client, one.client_secret) for one in issued]
        assert live == [False, True, True]
        assert {known.id for known in await list_secrets(tx, agent.id)} == {
            one.secret_id for one in issued[1:]
        }


async def test_a_retired_secret_and_a_disabled_agents_secret_are_refused(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant), db.tenant(tenant) as tx:
        agent = await create_agent(tx, tenant, "fixer", AgentDefinition())
        client = ClientId(tenant, agent.id)
        first = await issue_secret(tx, HASHER, client)
        second = await issue_secret(tx, HASHER, client)

        await retire_secret(tx, agent.id, first.secret_id)
        assert not await secret_is_live(tx, HASHER, client, first.client_secret)
        assert await secret_is_live(tx, HASHER, client, second.client_secret)
        await set_agent_state(tx, agent.id, "disabled")
        assert not await secret_is_live(tx, HASHER, client, second.client_secret)


async def test_the_database_holds_no_secret(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant), db.tenant(tenant) as tx:
        agent = await create_agent(tx, tenant, "fixer", AgentDefinition())
        issued = await issue_secret(tx, HASHER, ClientId(tenant, agent.id))
        row = str((await tx.execute(text("SELECT * FROM client_secrets"))).mappings().one())

        assert issued.client_secret not in row
        assert issued.client_secret not in repr(issued)


async def test_seeding_registers_the_squad_once_and_leaves_own_agents_alone(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant), db.tenant(tenant) as tx:
        own = await create_agent(tx, tenant, "notion", AgentDefinition(description="ours"))
        first = await seed_squad(tx, tenant)
        second = await seed_squad(tx, tenant)

        names = [agent.name for agent in await list_agents(tx)]
        assert names == ["analysis", "calendar", "general", "github", "notion", "tickets"]
        assert [agent.id for agent in first] == [agent.id for agent in second]
        assert (await read_agent(tx, own.id)).definition.description == "ours"


async def test_the_directory_hears_of_changes(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant):
        directory = AgentDirectory(db, keep_s=3600)
        announcements = Announcements(database.url("oblivion_gateway"))
        announcements.hear(CHANNEL, changed=directory.drop, unheard=directory.drop_all)
        announcements.hear(MUTES_CHANNEL, changed=directory.forget, unheard=lambda: None)
        told: list[UUID | None] = []
        directory.on_change(told.append)
        announcements.start()
        try:
            await eventually(lambda: announcements.listening)
            async with db.tenant(tenant) as tx:
                agent = await create_agent(tx, tenant, "fixer", AgentDefinition(aliases=["@f"]))
            await eventually(lambda: is_active(directory, tenant, agent.id))
            known = await directory.of(tenant)
            assert known.named("@F") is not None
            assert [profile.name for profile in known.profiles] == ["fixer"]

            told.clear()
            async with db.tenant(tenant) as tx:
                await mute_agent(tx, agent.id, datetime.now(UTC) + timedelta(minutes=1), "too loud")

            async def is_muted() -> bool:
                found = await directory.find(tenant, agent.id)
                return found is not None and found.muted_until is not None

            await eventually(is_muted)
            assert told == [], "nobody has to look at everything again"
            async with db.tenant(tenant) as tx:
                await set_agent_state(tx, agent.id, "disabled")
            await eventually(lambda: is_inactive(directory, tenant, agent.id))
            assert (await directory.of(tenant)).profiles == ()
        finally:
            await announcements.close()


async def test_an_agent_that_says_too_much_is_muted_once_and_never_for_less_than_an_admin_said(
    database: FreshDatabase,
) -> None:
    async with connected(database) as (db, tenant), db.tenant(tenant) as tx:
        agent = await create_agent(tx, tenant, "fixer", AgentDefinition())
        now = datetime.now(UTC)
        assert await mute_loud_agent(tx, agent.id, now + timedelta(seconds=20), "too loud")
        assert not await mute_loud_agent(tx, agent.id, now + timedelta(seconds=30), "too loud")
        an_hour = now + timedelta(hours=1)
        await mute_agent(tx, agent.id, an_hour, "muted by an admin")
        assert not await mute_loud_agent(tx, agent.id, now + timedelta(seconds=30), "too loud")
        assert (await read_agent(tx, agent.id)).muted_until == an_hour
        await mute_agent(tx, agent.id, now - timedelta(seconds=1), "over")
        assert await mute_loud_agent(tx, agent.id, now + timedelta(seconds=30), "too loud")


async def test_behind_a_pooler_which_passes_no_announcements_on_nobody_claims_to_hear_them() -> None:
    announcements = Announcements("postgresql://nobody@127.0.0.1:1/none", behind_pooler=True)
    announcements.start()
    assert "announcements" not in {task.get_name() for task in asyncio.all_tasks()}
    assert not announcements.listening
    await announcements.close()


async def test_callers_of_the_directory_share_one_lookup(database: FreshDatabase) -> None:
    async with connected(database) as (db, tenant):
        directory = AgentDirectory(db)
        found = await asyncio.gather(*(directory.of(tenant) for _ in range(50)))

        assert len({agents.version for agents in found}) == 1


async def is_active(directory: AgentDirectory, tenant: UUID, agent_id: UUID) -> bool:
    return await directory.is_active(tenant, agent_id)


async def is_inactive(directory: AgentDirectory, tenant: UUID, agent_id: UUID) -> bool:
    return not await directory.is_active(tenant, agent_id)
