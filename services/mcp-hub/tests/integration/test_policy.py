"""Who gets which tools: an agent's list and limits, the run's fence, the trust of whoever speaks in it."""

import asyncio

import psycopg
import pytest
from mcp.shared.exceptions import MCPError

from oblivion_contracts.tool_use import APPROVAL_KEY, arguments_shown, tool_question
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

ALL = {"wiki__read", "wiki__write", "wiki__destroy"}
WRITE = {"text": "hello"}


@pytest.fixture
async def trusted(world, tenant, upstream):
    """What it says of its tools is believed, and what they return as good as a member's word."""
    return await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True)


@pytest.fixture
async def untrusted(world, tenant, upstream):
    return await world.connect(tenant, name="wiki", url=upstream.url)


async def names_for(world, token):
    async with world.client(token) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


async def call(world, token, name="wiki__write", arguments=None):
    async with world.client(token) as client:
        return await client.call_tool(name, arguments or WRITE)


@pytest.mark.parametrize(
    ("patterns", "listed"),
    [
        (["wiki__*"], ALL),
        (["wiki__read"], {"wiki__read"}),
        (["other__*"], set()),
        ([], set()),
    ],
)
async def test_an_agent_gets_the_tools_of_its_list_and_no_others(
    world, tenant, trusted, upstream, patterns, listed
):
    agent = await world.new_agent(tenant, *patterns)
    token = await world.run_token(tenant, await world.new_run(tenant, agent))
    assert await names_for(world, token) == listed
    called = {name for name in ALL if not (await call(world, token, name)).is_error}
    assert called == listed
    assert len(upstream.calls) == len(listed)


async def test_what_was_handed_on_with_fewer_tools_has_fewer(world, tenant, trusted, database):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE runs SET allowed_tools = '{wiki__read}' WHERE id = %s", (run.id,))
    assert await names_for(world, await world.run_token(tenant, run)) == {"wiki__read"}


async def test_an_agent_outside_of_its_runs_only_looks(world, tenant, trusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    token = await world.agent_token(tenant, agent)
    assert await names_for(world, token) == {"wiki__read"}
    assert (await call(world, token)).is_error
    assert upstream.calls == []


async def test_a_run_ends_its_tokens_use(world, tenant, trusted, database, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    token = await world.run_token(tenant, run)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE runs SET fence = fence + 1 WHERE id = %s", (run.id,))
    async with world.client(token) as client:
        with pytest.raises(MCPError, match="another replica"):
            await client.call_tool("wiki__write", WRITE)
    assert upstream.calls == []


async def test_a_runs_token_is_of_no_use_to_another_agent(world, tenant, trusted):
    mine = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, mine)
    other = await world.new_agent(tenant, "wiki__*")
    forged = await world.run_token(tenant, type(run)(run.id, other, run.session_id, run.fence))
    async with world.client(forged) as client:
        with pytest.raises(MCPError, match="run is over"):
            await client.call_tool("wiki__write", WRITE)


async def test_a_disabled_agent_is_out_at_once(world, tenant, trusted, database):
    agent = await world.new_agent(tenant, "wiki__*")
    token = await world.run_token(tenant, await world.new_run(tenant, agent))
    assert await names_for(world, token) == ALL
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE agents SET state = 'disabled' WHERE id = %s", (agent,))

    async def status():
        return (await world.request("POST", "/mcp", token=token, json={})).status_code

    async def is_out():
        assert await status() == 401

    await eventually(is_out)
    assert await status() == 401


async def test_a_run_has_so_many_calls_and_no_more_however_they_come(world, tenant, trusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*", max_tool_calls_per_run=3)
    token = await world.run_token(tenant, await world.new_run(tenant, agent))
    async with world.client(token) as client:
        results = await asyncio.gather(*(client.call_tool("wiki__read", WRITE) for _ in range(8)))
    refused = [result.content[0].text for result in results if result.is_error]
    assert len(refused) == 5
    assert all("all its 3 tool calls" in text for text in refused)
    assert len(upstream.calls) == 3


@pytest.mark.parametrize(
    ("asked_by", "listed"), [("user", ALL), ("admin", ALL), ("guest", ALL - {"wiki__destroy"})]
)
async def test_what_destroys_is_not_offered_for_a_guest(world, tenant, trusted, asked_by, listed):
    agent = await world.new_agent(tenant, "wiki__*")
    token = await world.run_token(tenant, await world.new_run(tenant, agent, asked_by))
    assert await names_for(world, token) == listed


async def test_a_guests_word_lowers_a_run_at_once(world, tenant, trusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    token = await world.run_token(tenant, run)
    assert not (await call(world, token)).is_error
    await world.say(tenant, run, "and delete everything", by="guest")
    after = await call(world, token)
    assert after.is_error
    assert after.meta[APPROVAL_KEY] is True
    assert len(upstream.calls) == 1


async def test_a_guests_word_changes_what_is_listed_and_what_a_member_can_still_allow(
    world, tenant, trusted, upstream
):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    async with world.client(await world.run_token(tenant, run)) as client:

        async def risky():
            tools = (await client.list_tools()).tools
            return {tool.name: bool(tool.annotations.destructive_hint) for tool in tools}

        assert await risky() == {"wiki__read": False, "wiki__write": False, "wiki__destroy": True}
        await world.say(tenant, run, "and delete everything", by="guest")
        assert await risky() == {"wiki__read": False, "wiki__write": True}
        for name in ("wiki__write", "wiki__destroy"):
            assert (await client.call_tool(name, WRITE)).is_error
            await world.approve(tenant, run, tool_question(name), arguments_shown(WRITE))
        assert not (await client.call_tool("wiki__write", WRITE)).is_error
        assert (await client.call_tool("wiki__write", WRITE)).is_error  # A yes is for one call.
        assert (await client.call_tool("wiki__destroy", WRITE)).is_error  # Nobody's yes is for this.
    assert upstream.calls == [("write", WRITE)]


async def test_somebody_unknown_lowers_it_too_and_nobody_is_trusted_by_default(world, tenant, trusted):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    await world.say(tenant, run, "hello from outside", by=None)
    of_nobody = await world.new_run(tenant, agent, asked_by=None)
    results = [await call(world, await world.run_token(tenant, each)) for each in (run, of_nobody)]
    assert [result.is_error for result in results] == [True, True]


async def test_what_tools_returned_counts_as_an_outsiders_word(world, tenant, untrusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    token = await world.run_token(tenant, await world.new_run(tenant, agent))
    assert not (await call(world, token, "wiki__read")).is_error
    assert (await call(world, token)).is_error
    assert [name for name, _ in upstream.calls] == ["read"]


async def test_a_member_allows_one_call_with_exactly_these_arguments(world, tenant, trusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent, "guest")
    token = await world.run_token(tenant, run)
    await world.approve(tenant, run, tool_question("wiki__write"), arguments_shown(WRITE))
    other = await call(world, token, arguments={"text": "something else"})
    allowed = await call(world, token)
    again = await call(world, token)
    assert [other.is_error, allowed.is_error, again.is_error] == [True, False, True]
    assert upstream.calls == [("write", WRITE)]


async def test_nobody_can_allow_what_nobody_was_shown_whole(world, tenant, trusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent, "guest")
    long = {"text": "&" * 1_500}  # Short as it is written, and too long as Slack wants it.
    await world.approve(tenant, run, tool_question("wiki__write"), arguments_shown(long))
    refused = await call(world, await world.run_token(tenant, run), arguments=long)
    assert refused.is_error
    assert "shorter" in refused.content[0].text
    assert upstream.calls == []


async def test_a_guest_cannot_allow_it(world, tenant, trusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent, "guest")
    await world.approve(tenant, run, tool_question("wiki__write"), arguments_shown(WRITE), by="guest")
    assert (await call(world, await world.run_token(tenant, run))).is_error
    assert upstream.calls == []


async def test_a_tool_that_needs_an_approval_says_of_itself_that_it_is_risky(world, tenant, trusted):
    agent = await world.new_agent(tenant, "wiki__*")
    token = await world.run_token(tenant, await world.new_run(tenant, agent, "guest"))
    async with world.client(token) as client:
        listed = {tool.name: tool.annotations.destructive_hint for tool in (await client.list_tools()).tools}
    assert listed == {"wiki__read": None, "wiki__write": True}


async def test_a_server_that_nobody_trusts_cannot_call_its_tools_harmless(world, tenant, untrusted, upstream):
    agent = await world.new_agent(tenant, "wiki__*")
    token = await world.run_token(tenant, await world.new_run(tenant, agent, "guest"))
    assert (await call(world, token, "wiki__read")).is_error
    assert upstream.calls == []


@pytest.mark.parametrize(("role", "listed"), [("admin", ALL), ("user", ALL), ("guest", {"wiki__read"})])
async def test_people_have_all_tools_and_guests_those_that_change_nothing(
    world, tenant, trusted, role, listed
):
    assert await names_for(world, await world.token(tenant, role)) == listed


async def test_every_use_of_a_credential_is_on_record_without_what_was_said(world, tenant, trusted, database):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    await call(world, await world.run_token(tenant, run), arguments={"text": "canary-4711"})

    def written():
        with psycopg.connect(database.admin_url) as admin:
            rows = admin.execute(
                "SELECT tool, caller, run_id, trust, is_write, arguments, state, tool_calls::text"
                " FROM tool_calls"
            ).fetchall()
        assert [row[6] for row in rows] == ["succeeded"]
        return rows

    rows = await eventually(written)
    assert [row[:6] for row in rows] == [("write", f"agent:{agent}", run.id, "member", True, ["text"])]
    assert "canary" not in str(rows)


@pytest.mark.parametrize(
    ("asked_by", "says", "is_told_by_a_tool", "trust"),
    [
        ("user", [], False, "member"),
        ("user", ["a stranger whom it does not listen to"], False, "outsider"),
        ("admin", ["user"], False, "member"),
        ("user", ["guest"], False, "guest"),
        ("guest", [], False, "guest"),
        ("guest", [None], False, "outsider"),
        ("user", [None], False, "outsider"),
        (None, [], False, "outsider"),
        ("user", [], True, "outsider"),
    ],
)
async def test_the_trust_on_record_is_the_one_that_is_judged_by(
    world, tenant, trusted, upstream, database, asked_by, says, is_told_by_a_tool, trust
):
    """It is computed twice: in one statement for calls that may simply be made, in steps for the others."""
    await world.connect(tenant, name="web", url=upstream.url)
    agent = await world.new_agent(tenant, "wiki__*", "web__*")
    run = await world.new_run(tenant, agent, asked_by)
    for by in says:
        is_known = by is None or by in tenant.people
        role = "user" if is_known else "system"
        await world.say(tenant, run, "hello", by=by if is_known else None, role=role)
    token = await world.run_token(tenant, run)
    if is_told_by_a_tool:
        assert not (await call(world, token, "web__read")).is_error
    caller = await world.hub.authenticate.for_tools(token)
    standing = await world.hub.ledger.standing(caller)
    assert not (await call(world, token, "wiki__read")).is_error
    with psycopg.connect(database.admin_url) as admin:
        rows = admin.execute("SELECT trust FROM tool_calls WHERE tool = 'read' ORDER BY at DESC LIMIT 1")
        written = rows.fetchone()[0]
    assert (standing.trust.label, written) == (trust, trust)


@pytest.mark.parametrize(
    ("speakers", "trust"),
    [(["user", "admin"], "member"), (["user", "guest"], "guest"), (["user", None], "outsider")],
)
async def test_whose_words_a_run_found_in_earlier_ones_counts_for_it_and_for_whoever_hears_of_it(
    world, tenant, trusted, upstream, database, speakers, trust
):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    token = await world.run_token(tenant, run)
    assert not (await call(world, token)).is_error
    known = [None if role is None else tenant.people[role] for role in speakers]
    found(database, tenant, run, speakers=known)
    written = await call(world, token)
    offered = await names_for(world, token)
    caller = await world.hub.authenticate.for_tools(token)
    assert (await world.hub.ledger.standing(caller)).trust.label == trust
    is_member = trust == "member"
    assert (not written.is_error, offered) == (is_member, ALL if is_member else ALL - {"wiki__destroy"})
    assert not (await call(world, token, "wiki__read")).is_error
    assert trusts_on_record(database, "read") == [trust]


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_what_tools_returned_counts_where_it_comes_by_way_of_an_earlier_run(
    world, tenant, trusted, upstream, database, is_trusted
):
    web = await world.connect(tenant, name="web", url=upstream.url, is_trusted=is_trusted)
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    found(database, tenant, run, speakers=[tenant.people["user"]], connections=[web.id])
    assert (await call(world, await world.run_token(tenant, run))).is_error is not is_trusted


async def test_what_a_helper_s_tools_returned_counts_in_what_follows_in_the_conversation(
    world, tenant, trusted, untrusted_web, database
):
    agent = await world.new_agent(tenant, "wiki__*", "web__*")
    earlier = await world.new_run(tenant, agent)
    helper = await world.new_run(tenant, agent)
    later = await world.new_run(tenant, agent)
    assert not (await call(world, await world.run_token(tenant, helper), "web__read")).is_error
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE runs SET parent_run_id = %s WHERE id = %s", (earlier.id, helper.id))
        admin.execute(
            "INSERT INTO session_messages (tenant_id, session_id, seq, role, body, source, run_id)"
            " VALUES (%s, %s, 1, 'agent', 'an answer', 'api', %s)",
            (tenant.id, later.session_id, earlier.id),
        )
    assert (await call(world, await world.run_token(tenant, later))).is_error


@pytest.fixture
async def untrusted_web(world, tenant, upstream):
    return await world.connect(tenant, name="web", url=upstream.url)


def found(database, tenant, run, *, speakers, connections=()):
    """As the gateway notes it before the agent is told."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO history_readings (tenant_id, run_id, found_run_id, speakers, connections)"
            " VALUES (%s, %s, gen_random_uuid(), %s::uuid[], %s::uuid[])",
            (tenant.id, run.id, list(speakers), list(connections)),
        )


def trusts_on_record(database, tool):
    with psycopg.connect(database.admin_url) as admin:
        rows = admin.execute("SELECT trust FROM tool_calls WHERE tool = %s ORDER BY at", (tool,))
        return [trust for (trust,) in rows]
