"""Two tenants share one app in one workspace: both mirror, and people are answered by one of them."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from oblivion_contracts.runs import RunState
from oblivion_platform.agents import seed_squad
from oblivion_platform.testing import eventually

BLIND = """
    UPDATE integrations SET health = health || jsonb_build_object('blind_since', now() - interval '1 min')
"""


@dataclass
class Rivals:
    """The tenant that mirrors only; its agents would answer as readily as the first one's."""

    squad: Any
    list_id: str
    channel: str


@pytest.fixture
async def rivals(path, squad, connect_tenant) -> Rivals:
    list_id, channel = await path.clickup.add_list("Rivals"), await path.slack.add_channel("rivals")
    tenant = await connect_tenant(path, "rivals", list_id, channel)
    # The app is installed once and belongs to both.
    await path.slack.change_app(request_url=f"{path.ingestion_url}/webhooks/slack")
    await path.run("""UPDATE tenants SET settings = '{"unknown_users": "guest"}'""")
    async with squad.database.tenant(tenant) as tx:
        ids = {agent.name: agent.id for agent in await seed_squad(tx, tenant)}
    return Rivals(replace(squad, tenant_id=tenant, ids=ids), list_id, channel)


async def outcomes(path, squad):
    """What became of the tenant's events from Slack, but for the bot's own words."""
    rows = await path.rows(
        "SELECT DISTINCT outcome FROM inbound_events"
        " WHERE tenant_id = :t AND source = 'slack' AND outcome <> 'ignored:echo' ORDER BY outcome",
        t=squad.tenant_id,
    )
    return [row["outcome"] for row in rows]


async def by_tenant(path, table):
    assert table in {"runs", "sessions", "outbox"}
    return [row["tenant_id"] for row in await path.rows(f"SELECT tenant_id FROM {table} ORDER BY tenant_id")]


async def answers_in(path, channel):
    return [m for m in await everything_in(path, channel) if "from the" in str(m.get("blocks"))]


async def everything_in(path, channel):
    return [e["message"] for e in await path.slack.messages(channel) if not e["deleted"]]


async def test_a_mention_is_answered_once_also_where_the_other_tenant_has_linked_the_channel(
    path, squad, rivals
):
    async with (
        path.worker(),
        squad.answering("general", "from the first"),
        rivals.squad.answering("general", "from the second"),
    ):
        asked = await path.slack.post(rivals.channel, "@oblivion tell me a story", user="ana", typed=True)
        answer = await path.slack.wait_for_message(
            rivals.channel, lambda m: "from the" in str(m.get("blocks"))
        )
        assert answer["thread_ts"] == asked["ts"]
        assert "from the first" in str(answer["blocks"])
        again = await path.slack.post(
            rivals.channel, "@oblivion another", user="ana", typed=True, thread_ts=asked["ts"]
        )
        await path.slack.edit(rivals.channel, again["ts"], "never mind")

        async def both_answered():
            assert len(await answers_in(path, rivals.channel)) == 2

        await eventually(both_answered)
        await path.settled()
        assert len(await answers_in(path, rivals.channel)) == 2
        assert await by_tenant(path, "runs") == [squad.tenant_id] * 2
        assert await by_tenant(path, "sessions") == [squad.tenant_id]
        assert "ignored:answered_elsewhere" in await outcomes(path, rivals.squad)
        assert all(outcome.startswith("ignored:") for outcome in await outcomes(path, rivals.squad))
        assert "asked" in await outcomes(path, squad)


async def test_whatever_else_people_do_with_the_app_is_the_answering_tenants(path, squad, rivals):
    async with (
        path.worker(),
        squad.answering("general", "from the first"),
        rivals.squad.answering("general", "from the second"),
    ):
        direct = await path.slack.dm("ana")
        asked = await path.slack.post(direct, "hello", user="ana")
        # Whole: it was a stream before.
        answer = await path.slack.wait_for_message(
            direct, lambda m: "from the" in str(m.get("blocks")) and "oblivion:feedback" in str(m["blocks"])
        )
        assert "from the first" in str(answer["blocks"])
        await path.slack.react(direct, asked["ts"], "x", user="ana")
        await path.slack.press(direct, answer["ts"], "oblivion:feedback", user="ana")
        await path.slack.delete(direct, asked["ts"])
        await path.slack.command("/oblivion", "agents", channel=rivals.channel, user="ana")
        post = await path.slack.post(path.channel, "the build is red", user="ben")
        await path.slack.shortcut("oblivion_ask_agent", path.channel, post["ts"], user="ana")
        await path.slack.open_home("ana")
        await path.slack.open_home("ana", tab="messages")

        async def all_shown():
            assert len(await path.slack.ephemerals(rivals.channel)) == 1
            views = await path.slack.views("ana")
            assert views["home"] is not None
            assert len(views["modals"]) == 1

        await eventually(all_shown)
        await path.settled()
        await all_shown()
        assert len(await answers_in(path, direct)) == 1
        assert await by_tenant(path, "runs") == [squad.tenant_id]
        assert set(await by_tenant(path, "outbox")) == {squad.tenant_id}
        elsewhere = await path.rows(
            "SELECT DISTINCT event_type FROM inbound_events"
            " WHERE tenant_id = :t AND outcome = 'ignored:answered_elsewhere' ORDER BY event_type",
            t=rivals.squad.tenant_id,
        )
        assert [row["event_type"] for row in elsewhere] == [
            "app_home_opened",
            "block_actions",
            "message",
            "message_action",
            "reaction_added",
            "slash_command",
        ]
        assert all(outcome.startswith("ignored:") for outcome in await outcomes(path, rivals.squad))


async def make_admin(path, tenant_id, user):
    app, people = await path.slack.app(), await path.slack.users()
    await path.run(
        "WITH u AS (INSERT INTO users (id, tenant_id, name, role)"
        " VALUES (gen_random_uuid(), :t, :n, 'admin') RETURNING id)"
        " INSERT INTO user_identities (id, tenant_id, user_id, provider, subject)"
        " SELECT gen_random_uuid(), :t, id, 'slack', :s FROM u",
        t=tenant_id,
        n=user,
        s=f"{app['team_id']}:{people[user]}",
    )


async def test_a_run_that_a_task_began_still_answers_in_its_thread_and_hears_nobody_there(
    path, squad, rivals
):
    await make_admin(path, rivals.squad.tenant_id, "ana")
    async with path.worker(), squad.answering("general", "from the first"):
        await rivals.squad.online("general")
        task = await path.clickup.create_task(rivals.list_id, "Mend it", description="@general please")
        run = await rivals.squad.assigned()
        await rivals.squad.acknowledge(run)
        root = await path.message_of(task["id"], channel=rivals.channel)
        notice = await path.slack.wait_for_message(
            rivals.channel, lambda m: "Processing" in str(m.get("blocks"))
        )
        here = {"user": "ana", "thread_ts": root["ts"]}
        await path.slack.post(rivals.channel, "#clickup and hurry", **here)
        await path.slack.press(rivals.channel, notice["ts"], "oblivion:cancel", user="ana")
        await path.slack.post(rivals.channel, "@oblivion what is it about?", typed=True, **here)
        await path.slack.wait_for_message(rivals.channel, lambda m: "from the first" in str(m.get("blocks")))
        await path.settled()

        assert (await rivals.squad.read(run.id)).state is RunState.RUNNING
        (copied,) = await path.comments(task["id"])
        assert "and hurry" in copied["comment_text"]
        assert {"synced", "ignored:answered_elsewhere"} <= set(await outcomes(path, rivals.squad))
        said = await path.rows("SELECT body FROM session_messages WHERE session_id = :s", s=run.session_id)
        assert ["please" in row["body"] for row in said] == [True]

        await rivals.squad.complete(run, "from the second")
        await path.slack.wait_for_message(rivals.channel, lambda m: "from the second" in str(m.get("blocks")))
        await path.settled()
        threads = {m["thread_ts"] for m in await answers_in(path, rivals.channel)}
        assert threads == {root["ts"]}
        assert len(await answers_in(path, rivals.channel)) == 2


async def test_questions_that_were_missed_are_looked_for_by_the_answering_tenant_alone(path, squad, rivals):
    async with path.worker() as worker:
        await worker.watchdog()
        bot = (await path.slack.app())["bot_user_id"]
        for kind in ("message*", "app_mention"):
            await path.slack.misbehave(kind, "lose")
        await path.slack.post(rivals.channel, f"<@{bot}> missed", user="ana")
        await path.settled()
        assert await by_tenant(path, "runs") == []
        await path.slack.behave()
        await path.run(BLIND)
        await worker.watchdog()
        await path.settled()
        assert await by_tenant(path, "runs") == [squad.tenant_id]
        found = await path.rows(
            "SELECT tenant_id FROM inbound_events WHERE transport = 'gap' AND source = 'slack' ORDER BY id"
        )
        assert [row["tenant_id"] for row in found] == [squad.tenant_id]
