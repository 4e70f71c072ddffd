"""People, runs, signing keys and single agents from the command line."""

from typing import Any

import pytest
from sqlalchemy import text

from oblivion_cli.adapters.telling import RedisTelling
from oblivion_cli.admin import Admin
from oblivion_cli.errors import CommandFailed, NotFound, UsageWrong
from oblivion_cli.usecases.agents import Agents
from oblivion_cli.usecases.keys import Keys
from oblivion_cli.usecases.runs import Runs, Wanted
from oblivion_cli.usecases.users import Users
from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.runs import RunSource
from oblivion_platform import people, runs, sessions
from oblivion_platform.people import NewUser
from oblivion_platform.runs import NewRun
from oblivion_platform.sessions import NewSessionRow, Said


def users_of(admin: Admin) -> Users:
    return Users(admin.database, admin.tenant.id, admin.actor)


def runs_of(admin: Admin) -> Runs:
    return Runs(admin.database, admin.tenant.id, admin.actor)


async def new_run(admin: Admin) -> NewRun:
    async with admin.database.tenant(admin.tenant.id) as tx:
        session = await sessions.create(tx, admin.tenant.id, NewSessionRow(source=RunSource.TERMINAL))
        run = NewRun(session.id, RunSource.TERMINAL, session.queue, "summarise this")
        await runs.create(tx, admin.tenant.id, run)
    return run


async def test_the_last_admin_stays_in_and_stays_admin(admin: Admin) -> None:
    with pytest.raises(CommandFailed, match="only admin"):
        await users_of(admin).set_role("you", "user")
    with pytest.raises(CommandFailed, match="only admin"):
        await users_of(admin).set_state("you", "disabled")

    second = await users_of(admin).create(NewUser("second", "second@example.com", "admin"))
    assert (await users_of(admin).set_role("you", "user")).role == "user"
    assert (await users_of(admin).set_role("second@example.com", "admin")).id == second.id


async def test_whoever_is_disabled_loses_every_browser(admin: Admin) -> None:
    user = await users_of(admin).create(NewUser("guest", role="guest"))
    code = await users_of(admin).sign_in_code("guest")
    async with admin.database.tenant(admin.tenant.id) as tx:
        cookie = await people.redeem_link(tx, admin.tenant.id, code)
        assert cookie is not None
        assert (await people.session_user(tx, cookie)) is not None
        assert await people.redeem_link(tx, admin.tenant.id, code) is None

    await users_of(admin).set_state(str(user.id), "disabled")

    await users_of(admin).set_state("guest", "active")
    async with admin.database.tenant(admin.tenant.id) as tx:
        assert await people.session_user(tx, cookie) is None


async def test_somebody_is_known_in_clickup_once_they_are_linked_and_stays_who_they_are(admin: Admin) -> None:
    user = await users_of(admin).create(NewUser("ben"))
    for _ in range(2):
        assert (await users_of(admin).link("ben", "clickup", "7")).id == user.id
    with pytest.raises(CommandFailed, match="ben already"):
        await users_of(admin).link("you", "clickup", "7")
    async with admin.database.tenant(admin.tenant.id) as tx:
        known = await people.find_by_identity(tx, "clickup", "7")
    assert known is not None
    assert known.id == user.id


async def test_an_operator_is_made_and_unmade(admin: Admin) -> None:
    await users_of(admin).set_operator("you", is_operator=True)
    assert [user.is_operator for user in await users_of(admin).listing()] == [True]
    await users_of(admin).set_operator("you", is_operator=False)
    assert [user.is_operator for user in await users_of(admin).listing()] == [False]


async def test_two_of_a_name_have_to_be_told_apart(admin: Admin) -> None:
    async with admin.database.tenant(admin.tenant.id) as tx:
        twins = [await people.create_user(tx, admin.tenant.id, NewUser("twin")) for _ in range(2)]
    with pytest.raises(NotFound, match=r"2 people are called 'twin'\. Give the id of one"):
        await users_of(admin).set_role("twin", "guest")
    assert (await users_of(admin).set_role(str(twins[1].id), "guest")).role == "guest"


async def test_nobody_is_said_to_be_nobody(admin: Admin) -> None:
    with pytest.raises(NotFound, match=r"Nobody is called 'nobody'\. See who there is: oblivion users list"):
        await users_of(admin).sign_in_code("nobody")


async def test_who_is_there_is_not_let_in_twice(admin: Admin) -> None:
    gina = await users_of(admin).create(NewUser("gina", "gina@example.com"))
    for again in (NewUser("gina"), NewUser("gina b", "gina@example.com"), NewUser("gina@example.com")):
        with pytest.raises(CommandFailed, match=rf"is there already \({gina.id}\). Give another name"):
            await users_of(admin).create(again)
    await users_of(admin).set_state("gina", "disabled")
    with pytest.raises(CommandFailed, match=f"and disabled.*oblivion users enable {gina.id}"):
        await users_of(admin).create(NewUser("gina"))
    assert [user.name for user in await users_of(admin).listing()].count("gina") == 1


async def test_a_run_is_listed_shown_and_cancelled_once(system: Any, admin: Admin) -> None:
    run = await new_run(admin)
    listed = await runs_of(admin).listing(Wanted(state="queued"))
    assert [one.id for one in listed] == [run.id]
    shown = await runs_of(admin).show(await runs_of(admin).find(str(run.id)[:8]))
    assert (shown["state"], len(shown["events"])) == ("queued", 1)

    telling = RedisTelling(system.redis_url)
    try:
        await runs_of(admin).cancel(run.id, telling)
        with pytest.raises(CommandFailed, match="already cancelled"):
            await runs_of(admin).cancel(run.id, telling)
    finally:
        await telling.close()
    assert await runs_of(admin).listing(Wanted(state="queued")) == []
    assert system.sql("SELECT count(*) FROM audit_log WHERE action = 'run.cancelled'") == [(1,)]


async def test_cancelling_stops_what_was_handed_on_and_passes_on_what_was_asked_meanwhile(
    system: Any, admin: Admin
) -> None:
    run = await new_run(admin)
    child = NewRun(run.session_id, RunSource.DELEGATION, f"d:{run.id}", "x", parent_run_id=run.id)
    said = Said(role="user", text="and this", source=RunSource.TERMINAL, asked_run_id=run.id)
    async with admin.database.tenant(admin.tenant.id) as tx:
        await runs.create(tx, admin.tenant.id, child)
        await sessions.append_message(tx, run.session_id, said)
    telling = RedisTelling(system.redis_url)
    try:
        await runs_of(admin).cancel(run.id, telling)
    finally:
        await telling.close()
    states = system.sql("SELECT prompt, state FROM runs ORDER BY prompt")
    assert states == [("and this", "queued"), ("summarise this", "cancelled"), ("x", "cancelled")]


async def test_a_cancelled_run_is_cancelled_without_redis_too(admin: Admin) -> None:
    run = await new_run(admin)
    telling = RedisTelling("redis://127.0.0.1:1/0")
    try:
        await runs_of(admin).cancel(run.id, telling)
    finally:
        await telling.close()
    assert (await runs_of(admin).show(run.id))["state"] == "cancelled"


async def test_runs_that_are_not_there_are_said_so(admin: Admin) -> None:
    with pytest.raises(NotFound, match="oblivion runs list"):
        await runs_of(admin).find("deadbeef")
    with pytest.raises(UsageWrong):
        await runs_of(admin).find("x")
    with pytest.raises(NotFound, match="oblivion agents list"):
        await runs_of(admin).listing(Wanted(agent="nobody"))


async def test_keys_rotate_and_a_leaked_one_is_refused_at_once(system: Any, admin: Admin) -> None:
    keys = Keys(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys)
    first = await keys.rotate(at_once=False)
    second = await keys.rotate(at_once=True)
    async with admin.database.tenant(admin.tenant.id) as tx:
        rows = (await tx.execute(text("SELECT id, state FROM signing_keys"))).all()
    states = {row.id: row.state for row in rows}

    assert states[first] == "retired"
    assert states[second] == "current"
    assert sorted(states.values()) == ["current", "next", "retired", "retired"]
    assert system.sql("SELECT count(*) FROM audit_log WHERE action = 'signing_keys.rotated'") == [(2,)]


async def test_an_agent_is_shown_without_its_secret_and_disabled(admin: Admin) -> None:
    agents = Agents(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys)
    registered = await agents.create("fixer", AgentDefinition(description="fixes"))
    await agents.set_state("fixer", "disabled")
    shown = await agents.show("fixer")

    assert (shown["state"], shown["description"]) == ("disabled", "fixes")
    assert registered.issued.client_secret not in str(shown)
    with pytest.raises(NotFound):
        await agents.set_state("nobody", "disabled")
