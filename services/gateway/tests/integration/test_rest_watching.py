"""What admins see of work in flight: queues, breakers, tool calls, mappings; and what a tenant decides."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from oblivion_gateway.testing import Desk
from oblivion_platform.feed import Feed, FeedReader, telling_breakers
from oblivion_platform.testing import FreshDatabase, eventually

Put = Callable[..., str]
EVENT: dict[str, Any] = {"source": "clickup", "event_type": "taskUpdated", "priority": 2, "transport": "http"}

WAITING_HERE = """
    SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = pg_locks.database
    WHERE d.datname = current_database() AND NOT granted
"""


@pytest.fixture
def run_sql(database: FreshDatabase) -> Callable[..., None]:
    def run(statement: str, *values: Any) -> None:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(statement, values)  # pyright: ignore[reportArgumentType]

    return run


async def stranger(desk: Desk) -> str:
    """The admin of another tenant."""
    return await desk.world.token(await desk.world.new_tenant(), "admin")


def an_event(rows: Put, **more: Any) -> str:
    return rows(
        "inbound_events", **{**EVENT, "integration_id": str(uuid4()), "dedupe_key": str(uuid4()), **more}
    )


def an_effect(rows: Put, integration: str, **more: Any) -> str:
    fixed = {"destination": "slack:x:C1", "kind": "slack.post_task", "payload": "{}", "priority": 1}
    return rows("outbox", **{**fixed, "integration_id": integration, **more})


async def queues(desk: Desk, token: str | None = None) -> dict[str, Any]:
    answer = await desk.world.request("GET", "/api/queues", token=token or desk.admin)
    assert answer.status_code == 200, answer.text
    return {each["name"]: each for each in answer.json()["items"]}


async def test_queues_tell_what_waits_how_long_and_what_was_done_of_the_tenant_alone(
    desk: Desk, rows: Put, run_sql: Callable[..., None]
) -> None:
    slack = rows("integrations", source="slack", external_id="T1")
    old = an_event(rows, subject="task:1")
    an_event(rows, subject="task:2")
    done, dead = (an_event(rows, subject="task:3", state=state) for state in ("done", "dead"))
    run_sql("UPDATE inbound_events SET received_at = now() - interval '9 minutes' WHERE id = %s", old)
    run_sql(
        "UPDATE inbound_events SET received_at = now() - interval '10 s', processed_at = now() "
        "WHERE id IN (%s, %s)",
        *(done, dead),
    )
    an_effect(rows, slack)
    an_effect(rows, slack, state="sending")
    sent = an_effect(rows, slack, state="sent")
    run_sql("UPDATE outbox SET sent_at = created_at + interval '2 s' WHERE id = %s", sent)
    waiting, over = await desk.new_run(), await desk.new_run()
    await desk.finish(over)

    seen = await queues(desk)
    assert list(seen) == ["webhook-processing", "ai-agent-tasks", "outbox"]
    events, work, outbox = seen.values()
    assert (events["depth"], events["done_last_hour"], events["given_up_last_hour"]) == (2, 1, 1)
    assert events["took_s"] == pytest.approx(10, abs=1)
    assert events["oldest"] == (await desk.get(f"/api/events/{old}")).json()["received_at"]
    assert (work["depth"], work["active"], work["given_up_last_hour"]) == (1, 0, 1)
    assert work["oldest"] == (await desk.get(f"/api/runs/{waiting}")).json()["created_at"]
    assert (outbox["depth"], outbox["active"], outbox["done_last_hour"]) == (1, 1, 1)
    assert outbox["took_s"] == pytest.approx(2)
    theirs = await queues(desk, await stranger(desk))
    assert all(
        (each["depth"], each["active"], each["done_last_hour"]) == (0, 0, 0) for each in theirs.values()
    )
    points = (await desk.get("/api/stats?minutes=60")).json()["items"]
    counted = {point["metric"]: point["count"] for point in points}
    assert (counted["events.handled"], counted["effects.sent"]) == (2, 1)


async def test_breakers_are_told_while_they_are_open_by_provider_and_service(
    desk: Desk, redis_url: str
) -> None:
    feeds = [Feed(redis_url, "router-worker"), Feed(redis_url, "router-worker"), Feed(redis_url, "mcp-hub")]
    told = [telling_breakers(feed) for feed in feeds]
    reader = FeedReader(redis_url)

    async def said() -> dict[tuple[str, str], int]:
        items = (await desk.get("/api/breakers")).json()["items"]
        return {(each["provider"], each["source"]): each["processes"] for each in items}

    try:
        assert await said() == {}
        for tell in told[:2]:
            tell(desk.tenant.id, "clickup", "opened")
        told[2](desk.tenant.id, "notion", "opened")
        await eventually_is(said, {("clickup", "router-worker"): 2, ("notion", "mcp-hub"): 1})
        told[0](desk.tenant.id, "clickup", "half-opened")
        told[2](desk.tenant.id, "notion", "closed")
        await eventually_is(said, {("clickup", "router-worker"): 2})
        told[0](desk.tenant.id, "clickup", "closed")
        await eventually_is(said, {("clickup", "router-worker"): 1})
        theirs = await desk.world.request("GET", "/api/breakers", token=await stranger(desk))
        assert theirs.json() == {"items": []}
        assert len((await reader.newest(desk.tenant.id)).lines) == 5, "half open is no news"
    finally:
        for feed in feeds:
            await feed.close()
        await reader.close()


async def eventually_is(ask: Callable[[], Any], wanted: object) -> None:
    async def is_so() -> None:
        assert await ask() == wanted

    await eventually(is_so)


async def test_a_runs_tool_calls_and_trace_are_told_to_whom_the_run_is(
    desk: Desk, rows: Put, run_sql: Any
) -> None:
    run, trace = await desk.new_run(), "0af7651916cd43dd8448eb211c80319c"
    run_sql("UPDATE runs SET traceparent = %s WHERE id = %s", f"00-{trace}-b7ad6b7169203331-01", run)
    notion = rows("mcp_connections", name="notion", provider="notion")
    call = {"connection_id": notion, "caller": "agent:fixer", "trust": "guest", "arguments": ["title"]}
    first = rows("tool_calls", **call, tool="create_page", run_id=run, is_write=True, state="succeeded")
    second = rows(
        "tool_calls", **call, tool="search", run_id=run, is_write=False, state="failed", code="timed_out"
    )
    rows("tool_calls", **call, tool="search", is_write=False)

    calls = (await desk.get(f"/api/runs/{run}/tool-calls")).json()["items"]
    assert [each["id"] for each in calls] == [first, second]
    told = [(each["connection"], each["tool"], each["state"], each["code"]) for each in calls]
    assert told == [("notion", "create_page", "succeeded", None), ("notion", "search", "failed", "timed_out")]
    assert (calls[0]["arguments"], calls[0]["is_write"], calls[0]["was_approved"]) == (["title"], True, False)
    shown = (await desk.get(f"/api/runs/{run}")).json()
    assert (shown["trace_id"], shown["trace_url"]) == (trace, None)
    for token in (await desk.world.token(desk.tenant, "user"), await stranger(desk)):
        assert (
            await desk.world.request("GET", f"/api/runs/{run}/tool-calls", token=token)
        ).status_code == 404

    path = f"/api/tool-calls?connection_id={notion}&limit=2"
    page = (await desk.get(path)).json()
    rest = (await desk.get(f"{path}&cursor={page['next_cursor']}")).json()
    assert [each["tool"] for each in page["items"] + rest["items"]] == ["search", "search", "create_page"]
    of_one = (await desk.get("/api/tool-calls?tool=create_page")).json()["items"]
    assert [each["id"] for each in of_one] == [first]
    theirs = await desk.world.request("GET", path, token=await stranger(desk))
    assert theirs.json()["items"] == []


async def test_a_run_tells_how_many_of_its_tool_calls_failed_and_what_it_was_denied(
    desk: Desk, rows: Put, run_sql: Any
) -> None:
    smooth, troubled = await desk.new_run(), await desk.new_run()
    notion = rows("mcp_connections", name="notion", provider="notion")
    call = {"connection_id": notion, "tool": "search", "caller": "agent:fixer", "trust": "guest"}
    for run, state in (
        (troubled, "failed"),
        (troubled, "failed"),
        (troubled, "started"),
        (smooth, "succeeded"),
    ):
        rows("tool_calls", **call, run_id=run, is_write=False, state=state)
    rows("tool_calls", **call, is_write=False, state="failed")
    for key, state in enumerate(("denied", "approved", "pending")):
        rows("approvals", run_id=troubled, key=str(key), question="Really?", state=state)
    run_sql("UPDATE runs SET state = 'succeeded', finished_at = now() WHERE id IN (%s, %s)", smooth, troubled)

    listed = (await desk.get("/api/runs?state=succeeded")).json()["items"]
    told = [(run["id"], run["tool_failures"], run["approvals_denied"]) for run in listed]
    assert told == [(troubled, 2, 1), (smooth, 0, 0)]
    one = (await desk.get(f"/api/runs/{troubled}")).json()
    assert (one["tool_failures"], one["approvals_denied"]) == (2, 1)


@pytest.fixture
async def mapping(desk: Desk, rows: Put) -> str:
    new = {
        "clickup_integration_id": rows("integrations", source="clickup", external_id="9012"),
        "clickup_list_id": "901",
        "slack_integration_id": rows("integrations", source="slack", external_id="T1"),
        "slack_channel_id": "C0LAUNCH",
        "options": {"tasks": "tagged", "task_tag": "#team"},
    }
    return (await desk.post("/api/mappings", new)).json()["id"]


async def test_a_sample_of_a_mapping_is_made_once_and_followed_until_it_is_shown(
    desk: Desk, rows: Put, run_sql: Callable[..., None], database: FreshDatabase, mapping: str
) -> None:
    path = f"/api/mappings/{mapping}"
    made = await desk.post(f"{path}/sample")
    assert (made.status_code, made.json()["state"]) == (202, "waiting")
    with psycopg.connect(database.admin_url) as admin:
        ((kind, payload),) = admin.execute("SELECT kind, payload FROM outbox").fetchall()
    assert (kind, payload["list_id"], payload["name"]) == (
        *("clickup.create_task", "901"),
        "Sample from Oblivion #team",
    )
    assert payload["description"].endswith(payload["marker"]), "how it is found again if the answer is lost"
    assert (await desk.post(f"{path}/sample")).json()["code"] == "sample_under_way"

    async def sample() -> dict[str, Any]:
        return (await desk.get(f"{path}/activity")).json()["sample"]

    sample_id = made.json()["id"]
    run_sql("UPDATE outbox SET state = 'sent', result = '{\"made\": \"t1\"}' WHERE id = %s", sample_id)
    assert ((await sample())["state"], (await sample())["task_id"]) == ("made", "t1")
    assert (await sample())["task_url"] == "https://app.clickup.com/t/t1"
    assert (await sample())["message_url"] is None, "there is none yet"
    shown = {"project_mapping_id": mapping, "clickup_task_id": "t1", "slack_channel_id": "C0LAUNCH"}
    rows("task_mappings", **shown, slack_ts="1.1")
    run_sql("UPDATE integrations SET config = '{\"sandbox\": true}' WHERE source = 'clickup'")
    workspace = '{"workspace_url": "https://acme.slack.com/"}'
    run_sql("UPDATE integrations SET config = %s WHERE source = 'slack'", workspace)
    assert (await sample())["state"] == "shown"
    assert (await sample())["task_url"] is None, "a stand-in's pages are elsewhere"
    assert (await sample())["message_url"] == "https://acme.slack.com/archives/C0LAUNCH/p11"
    failure = '[{"code": "clickup_refused", "message": "No such list.", "at": "2026-11-22T12:00:00Z"}]'
    run_sql("UPDATE outbox SET state = 'dead', failures = %s WHERE id = %s", failure, sample_id)
    assert ((await sample())["state"], (await sample())["problem"]) == ("failed", "No such list.")
    assert (await desk.post(f"{path}/sample")).status_code == 202, "after a failure one may try again"
    for method, what in (("GET", "activity"), ("POST", "sample")):
        theirs = await desk.world.request(method, f"{path}/{what}", token=await stranger(desk))
        assert theirs.status_code == 404
    user = await desk.world.token(desk.tenant, "user")
    assert (await desk.world.request("POST", f"{path}/sample", token=user)).status_code == 403
    await desk.world.request("DELETE", path, token=desk.admin)
    assert (await desk.post(f"{path}/sample")).status_code == 404
    audit = (await desk.get("/api/audit")).json()["items"]
    assert [line["action"] for line in audit].count("mapping.sampled") == 2


async def test_of_samples_that_are_asked_for_at_the_same_time_one_is_made(
    desk: Desk, database: FreshDatabase, mapping: str
) -> None:
    with (
        psycopg.connect(database.admin_url) as holding,
        psycopg.connect(database.admin_url, autocommit=True) as admin,
    ):
        # It can be read, and nothing is added. The gateway in this loop may be in the midst of something.
        await asyncio.to_thread(holding.execute, "LOCK TABLE outbox IN SHARE MODE")
        asked = [asyncio.create_task(desk.post(f"/api/mappings/{mapping}/sample")) for _ in range(2)]

        async def both_wait() -> None:
            assert admin.execute(WAITING_HERE).fetchone() == (2,)

        await eventually(both_wait)
        holding.rollback()
        answers = await asyncio.gather(*asked)
        assert sorted(answer.status_code for answer in answers) == [202, 422]
        assert admin.execute("SELECT count(*) FROM outbox").fetchone() == (1,)


async def test_a_mappings_last_events_and_troubles_are_its_own(desk: Desk, rows: Put, mapping: str) -> None:
    shown = {"project_mapping_id": mapping, "slack_channel_id": "C0LAUNCH"}
    task = rows("task_mappings", **shown, clickup_task_id="t1", clickup_task_name="Ship", slack_ts="1.1")
    ours = [an_event(rows, subject=subject) for subject in ("task:t1", "thread:C0LAUNCH:1.1")]
    an_event(rows, subject="task:other")
    slack = (await desk.get(f"/api/mappings/{mapping}")).json()["slack_integration_id"]
    failures = '[{"code": "not_in_channel", "message": "Invite it.", "at": "2026-11-22T12:00:00Z"}]'
    dead = an_effect(rows, slack, state="dead", failures=failures, task_mapping_id=task, attempts=3)
    an_effect(rows, slack, state="sent", task_mapping_id=task)

    seen = (await desk.get(f"/api/mappings/{mapping}/activity")).json()
    assert {event["id"] for event in seen["events"]} == set(ours)
    (trouble,) = seen["troubles"]
    assert (trouble["effect_id"], trouble["state"], trouble["task"]) == (dead, "dead", "Ship")
    assert (trouble["code"], trouble["message"]) == ("not_in_channel", "Invite it.")
    assert trouble["what"] == "a task's message, with all that belongs into its thread"
    assert seen["sample"] is None


async def test_admins_set_what_their_tenant_decides_and_see_what_it_lives_within(desk: Desk) -> None:
    async def change(token: str, body: dict[str, Any]) -> Any:
        return await desk.world.request("PATCH", "/api/settings", token=token, json=body)

    before = (await desk.get("/api/settings")).json()
    assert (before["slack_streaming"], before["unknown_users"]) == (None, None)
    assert (before["retention_days"], before["user_requests_per_minute"]) == (30, 100)
    await change(desk.admin, {"unknown_users": "guest"})
    both = (await change(desk.admin, {"slack_streaming": "off"})).json()
    assert (both["slack_streaming"], both["unknown_users"]) == ("off", "guest"), "what is not given stays"
    back = (await change(desk.admin, {"slack_streaming": None})).json()
    assert (back["slack_streaming"], back["unknown_users"]) == (None, "guest")
    for wrong in ({"unknown_users": "everybody"}, {"retention_days": 1}):
        assert (await change(desk.admin, wrong)).status_code == 422
    user, foreign = await desk.world.token(desk.tenant, "user"), await stranger(desk)
    assert (await change(user, {"unknown_users": "refuse"})).status_code == 403
    assert (await change(foreign, {"unknown_users": "refuse"})).json()["unknown_users"] == "refuse"
    assert (await desk.get("/api/settings")).json()["unknown_users"] == "guest"
    audit = (await desk.get("/api/audit")).json()["items"]
    lines = [line for line in audit if line["action"] == "tenant.settings_changed"]
    assert {UUID(line["subject"]) for line in lines} == {desk.tenant.id}
    assert [line["detail"] for line in lines][-1] == {"unknown_users": "guest"}
