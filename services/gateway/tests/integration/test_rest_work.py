"""Runs, agents, workflows, dead letters and what is old, through REST."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text

from oblivion_contracts.runs import RunSource
from oblivion_gateway.adapters.old_rows import OldRows
from oblivion_gateway.testing import Desk
from oblivion_platform import runs
from oblivion_platform.database.engine import Database
from oblivion_platform.testing import FreshDatabase, eventually


async def test_cancelling_a_run_stops_what_it_handed_on(desk: Desk) -> None:
    parent, session = await desk.new_run(), (await desk.post("/api/sessions")).json()["id"]
    child, grandchild = uuid4(), uuid4()
    async with desk.world.gateway.database.tenant(desk.tenant.id) as tx:
        for run_id, above in ((child, UUID(parent)), (grandchild, child)):
            new = runs.NewRun(
                UUID(session), RunSource.DELEGATION, f"d:{run_id}", "x", parent_run_id=above, id=run_id
            )
            await runs.create(tx, desk.tenant.id, new)
    assert (await desk.post(f"/api/runs/{parent}/cancel")).status_code == 200
    for run_id in (child, grandchild):
        assert (await desk.get(f"/api/runs/{run_id}")).json()["state"] == "cancelled"


async def test_prompts_skills_and_limits_of_agents_are_for_admins(desk: Desk) -> None:
    new = {
        "name": "fixer",
        "description": "fixes",
        "system_prompt": "the secret plan",
        "skills": [{"name": "plan", "text": "the secret plan"}],
        "limits": {"messages_per_minute": 77},
    }
    agent_id = (await desk.post("/api/agents", new)).json()["agent"]["id"]
    agent = await desk.world.agent_token(await desk.world.new_agent(desk.tenant, "other"))
    for token in (await desk.world.token(desk.tenant, "user"), agent):
        for path in ("/api/agents", f"/api/agents/{agent_id}"):
            seen = await desk.world.request("GET", path, token=token)
            assert "fixes" in seen.text
            assert "secret plan" not in seen.text
            assert "77" not in json.dumps(seen.json().get("limits", {}))
    whole = (await desk.get(f"/api/agents/{agent_id}")).json()
    assert (whole["system_prompt"], whole["limits"]["messages_per_minute"], whole["is_whole"]) == (
        "the secret plan",
        77,
        True,
    )


async def test_what_an_agent_has_spent_today_is_told_to_admins(desk: Desk) -> None:
    agent_id = (await desk.post("/api/agents", {"name": "fixer"})).json()["agent"]["id"]
    today, yesterday, of_another = [await desk.new_run() for _ in range(3)]
    # An hour ahead, and of today although midnight should come before it is asked.
    async with desk.world.gateway.database.tenant(desk.tenant.id) as tx:
        for run_id, agent, age in (
            (today, agent_id, "-1 hour"),
            (yesterday, agent_id, "1 day"),
            (of_another, None, "-1 hour"),
        ):
            await tx.execute(
                text(
                    "UPDATE runs SET agent_id = CAST(:agent AS uuid), cost_usd = 1.25,"
                    " created_at = created_at - CAST(:age AS interval) WHERE id = :run"
                ),
                {"agent": agent, "age": age, "run": run_id},
            )
    path = f"/api/agents/{agent_id}"
    assert (await desk.get(path)).json()["spent_today_usd"] == 1.25
    user = await desk.world.token(desk.tenant, "user")
    assert (await desk.world.request("GET", path, token=user)).json()["spent_today_usd"] is None


async def test_a_secret_is_shown_to_whom_it_is_made_for_and_never_again(desk: Desk) -> None:
    made = (await desk.post("/api/agents", {"name": "fixer"})).json()
    path = f"/api/agents/{made['agent']['id']}"
    shown = [made["credentials"], (await desk.post(f"{path}/secrets")).json()]
    secrets = [each["client_secret"] for each in shown]
    listed = (await desk.get(f"{path}/secrets")).json()["items"]
    assert {each["id"] for each in listed} == {each["secret_id"] for each in shown}
    for place in ("/api/agents", path, f"{path}/secrets", "/api/audit", "/api/credentials"):
        said = (await desk.get(place)).raise_for_status().text
        assert not any(secret in said for secret in secrets), place


async def test_what_is_old_is_archived_and_signed_out_browsers_are_forgotten(
    desk: Desk, database: FreshDatabase
) -> None:
    old, fresh = await desk.new_run(), await desk.new_run()
    await desk.finish(old)
    await desk.finish(fresh)
    cookie = await desk.world.cookie(desk.tenant, "user")
    await desk.world.cookie(desk.tenant, "admin")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE runs SET finished_at = now() - interval '91 days' WHERE id = %s", (old,))
        admin.execute(
            "UPDATE sessions SET updated_at = now() - interval '91 days'"
            " WHERE id = (SELECT session_id FROM runs WHERE id = %s)",
            (old,),
        )
        admin.execute(
            "UPDATE web_sessions SET expires_at = now() - interval '2 days' WHERE user_id = %s",
            (desk.tenant.people["user"],),
        )
    await OldRows(desk.world.gateway.database, timedelta(days=90)).put_away()
    async with desk.world.database.tenant(desk.tenant.id) as tx:
        archived = (await tx.execute(text("SELECT id FROM runs WHERE archived_at IS NOT NULL"))).scalars()
        assert [str(each) for each in archived] == [old]
        assert (await tx.execute(text("SELECT count(*) FROM web_sessions"))).scalar_one() == 1
    assert len((await desk.get("/api/sessions")).json()["items"]) == 1
    gone = await desk.world.request("GET", "/api/me", headers={"Cookie": f"oblivion_session={cookie}"})
    assert gone.status_code == 401


async def test_cancelling_ends_a_run_once(desk: Desk) -> None:
    run = await desk.new_run()
    first = await desk.post(f"/api/runs/{run}/cancel")
    second = await desk.post(f"/api/runs/{run}/cancel")

    assert (first.status_code, first.json()["state"]) == (200, "cancelled")
    assert (second.status_code, second.json()["code"]) == (409, "run_over")
    retried = await desk.post(f"/api/runs/{run}/retry")
    assert (retried.status_code, retried.json()["state"]) == (202, "queued")


async def test_what_is_said_becomes_a_run_whose_job_waits(desk: Desk) -> None:
    run = await desk.new_run()
    queue = runs.run_queue(desk.world.settings.redis_url.get_secret_value())
    try:

        async def is_queued() -> bool:
            return await queue.state(run) in {"waiting", "prioritized"}

        await eventually(is_queued)
    finally:
        await queue.close()
    status = (await desk.get(f"/api/jobs/{run}/status")).json()
    assert (status["state"], status["last_sequence"]) == ("queued", 1)


async def test_a_conversation_says_where_it_was_begun(desk: Desk) -> None:
    for said, source in (({}, "api"), ({"source": "web"}, "web"), ({"source": "terminal"}, "terminal")):
        begun = (await desk.post("/api/sessions", said)).json()
        seen = (await desk.get(f"/api/sessions/{begun['id']}")).json()
        assert (begun["source"], seen["source"]) == (source, source)
    assert (await desk.post("/api/sessions", {"source": "slack"})).status_code == 422


async def test_every_change_is_in_the_audit_log(desk: Desk) -> None:
    created = (await desk.post("/api/agents", {"name": "fixer"})).json()["agent"]["id"]
    await desk.post(f"/api/agents/{created}/mute", {"minutes": 5})
    await desk.world.request("DELETE", f"/api/agents/{created}", token=desk.admin)
    lines = (await desk.get("/api/audit")).json()["items"]

    assert {line["action"] for line in lines} >= {"agent.created", "agent.muted", "agent.disabled"}
    assert {line["actor"] for line in lines} == {f"user:{desk.tenant.people['admin']}"}


async def test_the_audit_log_is_narrowed_down_by_who_by_what_and_by_words(desk: Desk) -> None:
    fixer = (await desk.post("/api/agents", {"name": "fixer"})).json()
    secrets = f"/api/agents/{fixer['agent']['id']}/secrets"
    await desk.post(secrets)
    await desk.world.request("DELETE", f"{secrets}/{fixer['credentials']['secret_id']}", token=desk.admin)
    ana = (await desk.post("/api/users", {"name": "Ana 100%", "role": "admin"})).json()["id"]
    of_ana = (await desk.world.gateway.tokens.issue(desk.tenant.id, f"user:{ana}", "admin")).token
    guest = f"/api/users/{desk.tenant.people['guest']}"
    await desk.world.request("PATCH", guest, token=of_ana, json={"role": "user"})

    async def found(token: str | None = None, **query: str) -> list[str]:
        answer = await desk.world.request("GET", "/api/audit", token=token or desk.admin, params=query)
        assert answer.status_code == 200, answer.text
        return [line["action"] for line in answer.json()["items"]]

    of_agents = ["agent.secret_retired", "agent.secret_issued", "agent.created"]
    assert await found() == await found(q=" ") == ["user.changed", "user.created", *of_agents]
    assert await found(actor=f"user:{ana}") == ["user.changed"]
    assert await found(action="user.created", actor=f"user:{desk.tenant.people['admin']}") == ["user.created"]
    assert await found(action="user") == [], "the whole action, or none"
    assert await found(q="RETIRED") == ["agent.secret_retired"]
    assert await found(q="fixer") == of_agents, "an agent is found by its name, where its id stands too"
    assert await found(q="ana 100%") == ["user.changed", "user.created"], (
        "so are people: who did it, whom it is about"
    )
    assert await found(q="ana changed") == ["user.changed"], "every word counts"
    assert await found(q="guest") == ["user.changed"]
    assert await found(q="active", action="user.changed") == ["user.changed"], "what is noted beside it"
    assert await found(q="ana") == await found(q="  ana ana ana ana ana ana ana ana "), (
        "eight words are none too many"
    )
    assert await found(q="100_") == await found(q="nobody") == []
    assert await found(await desk.world.token(await desk.world.new_tenant(), "admin"), q="fixer") == []
    for wrong in (
        {"actor": ""},
        {"action": "User Changed"},
        {"q": "a\x01"},
        {"q": "a" * 201},
        {"q": "a " * 9},
    ):
        answer = await desk.get("/api/audit", params=wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_pages_of_lines_that_are_searched_for_follow_each_other(desk: Desk) -> None:
    names = [f"fixer-{n}" for n in range(5)]
    made = [(await desk.post("/api/agents", {"name": name})).json()["agent"]["id"] for name in names]
    for each in made:
        await desk.post(f"/api/agents/{each}/mute", {"minutes": 5})
    seen, query = list[str](), {"q": "fixer", "action": "agent.created", "limit": "2"}
    while query:
        page = (await desk.get("/api/audit", params=query)).json()
        seen += [line["subject"] for line in page["items"]]
        query = page["next_cursor"] and {**query, "cursor": page["next_cursor"]}
    assert seen == names[::-1]


async def test_a_workflow_needs_a_schedule_that_comes(desk: Desk) -> None:
    definition = {"name": "daily", "prompt": "say hi", "schedule": "0 9 * * 1-5", "timezone": "Europe/Rome"}
    made = await desk.post("/api/workflows", definition)

    assert made.status_code == 201
    assert made.json()["next_run_at"] is not None
    for wrong in ({"schedule": "every day"}, {"schedule": "0 0 31 2 *"}, {"timezone": "Mars/Olympus"}):
        answer = await desk.post("/api/workflows", {**definition, "name": "other", **wrong})
        assert answer.status_code == 422
    assert (await desk.post("/api/workflows", definition)).status_code == 409
    run = await desk.post(f"/api/workflows/{made.json()['id']}/run")
    assert run.status_code == 202
    await desk.world.request("DELETE", f"/api/workflows/{made.json()['id']}", token=desk.admin)
    lines = (await desk.get("/api/audit")).json()["items"]
    (deleted,) = [line for line in lines if line["action"] == "workflow.deleted"]
    assert deleted["detail"] == {"name": "daily"}


async def test_routes_can_be_tried_with_the_tenants_own_agents(desk: Desk) -> None:
    await desk.post("/api/agents", {"name": "fixer", "aliases": ["@bugs"], "keywords": ["bug"]})

    async def named() -> None:
        tried = await desk.post("/api/routes/try", {"text": "@bugs please look"})
        assert tried.json()["agent"] == "fixer"

    await eventually(named)


async def test_dead_letters_are_reported_retried_and_discarded(desk: Desk) -> None:
    event = await dead_event(desk)
    report = (await desk.get("/api/dead-letters/report")).json()["items"]

    assert [(line["cause"], line["count"]) for line in report] == [("task_gone", 1)]
    detail = (await desk.get(f"/api/dead-letters/{event}")).json()
    assert detail["failures"][0]["code"] == "task_gone"
    assert (await desk.post("/api/dead-letters/retry")).status_code == 422
    chosen = await desk.post("/api/dead-letters/retry", {"ids": [event]})
    assert chosen.json() == {"events": [event], "effects": [], "runs": []}
    assert (await desk.get(f"/api/events/{event}")).json()["state"] == "received"
    gone = await desk.post("/api/dead-letters/discard", {"ids": [event], "reason": "old"})
    assert gone.status_code == 404


async def test_the_body_of_an_event_is_read_without_its_secrets_and_that_is_noted(desk: Desk) -> None:
    body = b'{"token": "canary", "event": {"text": "paint it, xoxb-canary"}}'
    event = await dead_event(desk, body=body)
    read = await desk.get(f"/api/events/{event}/body")
    assert "paint it" in read.json()["text"]
    assert "canary" not in read.text
    (line,) = (await desk.get("/api/audit")).json()["items"]
    assert (line["action"], line["subject"]) == ("event.body_read", event)
    assert (await desk.get(f"/api/events/{uuid4()}/body")).status_code == 404


async def test_events_of_one_state_are_listed_or_all_others(desk: Desk) -> None:
    dead, received = await dead_event(desk, "k1"), await dead_event(desk, "k2")
    await desk.post("/api/dead-letters/retry", {"ids": [received]})

    async def listed(query: str) -> list[str]:
        return [each["id"] for each in (await desk.get(f"/api/events?{query}")).json()["items"]]

    assert await listed("without=dead") == await listed("state=received") == [received]
    assert await listed("without=received") == [dead]
    assert await listed("without=ignored") == [received, dead]
    assert (await desk.get("/api/events?without=any")).status_code == 422


async def test_one_dead_letter_is_discarded_and_the_audit_log_says_why(desk: Desk) -> None:
    event, other = await dead_event(desk, "k1"), await dead_event(desk, "k2")
    chosen = await desk.post("/api/dead-letters/discard", {"ids": [event], "reason": "the task is gone"})
    assert (chosen.status_code, chosen.json()) == (200, {"events": [event], "effects": [], "runs": []})
    assert (await desk.get(f"/api/events/{event}")).json()["state"] == "discarded"
    assert (await desk.get(f"/api/dead-letters/{event}")).status_code == 404
    assert [each["id"] for each in (await desk.get("/api/dead-letters")).json()["items"]] == [other]
    (line,) = (await desk.get("/api/audit")).json()["items"]
    assert (line["action"], line["detail"]["reason"]) == ("dead_letters.discarded", "the task is gone")


async def test_an_opinion_names_who_gave_it_and_which_agent_had_been_right(desk: Desk) -> None:
    await desk.post("/api/agents", {"name": "fixer"})
    run = await desk.new_run()
    said = await desk.post(f"/api/runs/{run}/label", {"kind": "wrong_agent", "agent": "fixer"})
    assert said.status_code == 201
    me = (await desk.get("/api/me")).json()["name"]
    (label,) = (await desk.get("/api/routes/labels")).json()["items"]
    assert (label["kind"], label["agent"], label["labelled_by"]) == ("wrong_agent", "fixer", me)


async def dead_event(desk: Desk, key: str = "k", body: bytes = b"{}") -> str:
    event = uuid4()
    owner = desk.world
    values = {
        "id": event,
        "tenant": desk.tenant.id,
        "key": key,
        "body": body,
        "failures": json.dumps([{"code": "task_gone", "message": "gone"}]),
    }
    url = owner.settings.database_url.get_secret_value()
    ingestion = Database.connect(url.replace("oblivion_gateway", "oblivion_ingestion"), pool_size=1)
    try:
        async with ingestion.tenant(desk.tenant.id) as tx:
            await tx.execute(
                text("""
                    INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject,
                        dedupe_key, priority, transport, body)
                    VALUES (:id, :tenant, :id, 'clickup', 'taskUpdated', 'task:1', :key, 1, 'http', :body)
                """),
                values,
            )
    finally:
        await ingestion.close()
    async with desk.world.database.tenant(desk.tenant.id) as tx:
        await tx.execute(
            text(
                "UPDATE inbound_events SET state = 'dead', failures = CAST(:failures AS jsonb) WHERE id = :id"
            ),
            values,
        )
    return str(event)


async def test_a_question_about_another_s_run_is_neither_listed_nor_answered_but_by_admins(
    desk: Desk, database: FreshDatabase
) -> None:
    run_id, approval_id = UUID(await desk.new_run()), uuid4()
    pool = Database.connect(database.url("oblivion_gateway"))
    async with pool.tenant(desk.tenant.id) as tx:
        await tx.execute(
            text(
                "INSERT INTO approvals (id, tenant_id, run_id, key, question) VALUES (:a, :t, :r, 'k', '?')"
            ),
            {"a": approval_id, "t": desk.tenant.id, "r": run_id},
        )
    await pool.close()
    other = await desk.world.token(desk.tenant, "user")
    listed = await desk.world.request("GET", "/api/approvals", token=other)
    assert listed.json()["items"] == []
    path, yes = f"/api/approvals/{approval_id}", {"approved": True}
    assert (await desk.world.request("POST", path, token=other, json=yes)).status_code == 404
    assert [each["id"] for each in (await desk.get("/api/approvals")).json()["items"]] == [str(approval_id)]
    assert (await desk.post(path, yes)).status_code == 200
