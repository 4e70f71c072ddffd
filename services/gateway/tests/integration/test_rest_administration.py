"""What admins set and look at, there and back over REST."""

from typing import Any
from uuid import uuid4

from oblivion_gateway.testing import Desk

CHANNEL = "C0LAUNCH"


async def test_a_list_is_linked_changed_and_unlinked(desk: Desk, rows: Any) -> None:
    new = {
        "clickup_integration_id": rows("integrations", source="clickup", external_id="9012"),
        "clickup_list_id": "901",
        "slack_integration_id": rows("integrations", source="slack", external_id="T1"),
        "slack_channel_id": CHANNEL,
        "options": {"agents": {"tags": {"robot": "fixer"}}},
    }
    made = (await desk.post("/api/mappings", new)).json()
    assert (made["state"], made["options"]["agents"]["tags"]) == ("active", {"robot": "fixer"})
    path = f"/api/mappings/{made['id']}"
    changed = await desk.world.request("PUT", path, token=desk.admin, json={"mirror_comments": False})
    assert changed.json()["options"]["mirror_comments"] is False
    assert (await desk.get(path)).json() == changed.json()
    assert [each["id"] for each in (await desk.get("/api/mappings")).json()["items"]] == [made["id"]]
    assert (await desk.world.request("DELETE", path, token=desk.admin)).status_code == 204
    assert (await desk.get("/api/mappings")).json()["items"] == []


async def test_a_rule_of_routing_is_set_replaced_and_taken_back(desk: Desk) -> None:
    for name in ("fixer", "writer"):
        await desk.post("/api/agents", {"name": name})
    rule = {"kind": "override", "agent": "fixer", "task": "fix_bug"}
    first = (await desk.world.request("PUT", "/api/routes/rules", token=desk.admin, json=rule)).json()
    assert (first["agent"], first["task"], first["scope"]) == ("fixer", "fix_bug", "")
    again = {**rule, "agent": "writer", "task": None}
    await desk.world.request("PUT", "/api/routes/rules", token=desk.admin, json=again)
    (known,) = (await desk.get("/api/routes/rules")).json()["items"]
    assert (known["id"], known["agent"], known["task"]) == (first["id"], "writer", None)
    path = f"/api/routes/rules/{known['id']}"
    assert (await desk.world.request("DELETE", path, token=desk.admin)).status_code == 204
    assert (await desk.get("/api/routes/rules")).json()["items"] == []
    nobody = await desk.world.request(
        "PUT", "/api/routes/rules", token=desk.admin, json={**rule, "agent": "nobody"}
    )
    assert nobody.status_code == 404


async def test_how_runs_found_their_agents_and_what_people_thought_of_it_can_be_read(
    desk: Desk, rows: Any
) -> None:
    run = await desk.new_run()
    agent = (await desk.post("/api/agents", {"name": "fixer"})).json()["agent"]["id"]
    decided = {"run_id": run, "stage": "fast", "agent_id": agent, "task": "default", "score": 0.9}
    rows("route_decisions", **decided, reason="asks to fix", elapsed_us=120)
    (decision,) = (await desk.get(f"/api/routes/decisions?run_id={run}")).json()["items"]
    assert (decision["stage"], decision["agent"], decision["elapsed_us"]) == ("fast", "fixer", 120)
    for kind in ("good", "bad", "good", "bad"):
        answer = await desk.post(f"/api/runs/{run}/label", {"kind": kind})
        assert answer.status_code == 201, answer.text
        assert answer.json()["kind"] == kind
    corrected = {"kind": "wrong_agent", "agent": "fixer"}
    assert (await desk.post(f"/api/runs/{run}/label", corrected)).json()["agent"] == "fixer"
    labels = (await desk.get("/api/routes/labels")).json()["items"]
    # A person's thumbs are one: the last.
    assert {(each["kind"], each["agent"]) for each in labels} == {("bad", None), ("wrong_agent", "fixer")}


async def test_a_muted_agent_is_let_speak_again(desk: Desk) -> None:
    agent = (await desk.post("/api/agents", {"name": "fixer"})).json()["agent"]["id"]
    muted = (await desk.post(f"/api/agents/{agent}/mute", {"minutes": 5, "reason": "too loud"})).json()
    assert muted["muted_until"]
    assert (await desk.post(f"/api/agents/{agent}/unmute")).json()["muted_until"] is None
    assert (await desk.get(f"/api/agents/{agent}")).json()["muted_until"] is None


async def test_an_event_is_looked_at_and_handled_again(desk: Desk, rows: Any) -> None:
    known = {"integration_id": str(uuid4()), "source": "slack", "event_type": "app_mention"}
    placed = {"subject": "thread:C1:1.1", "dedupe_key": "k", "priority": 1, "transport": "http"}
    event = rows("inbound_events", **known, **placed, body=b"{}", state="dead", attempts=3)
    purged = rows("inbound_events", **known, **placed, state="done")
    assert (await desk.get(f"/api/events/{event}")).json()["state"] == "dead"
    assert (await desk.post(f"/api/events/{event}/replay")).status_code == 202
    again = (await desk.get(f"/api/events/{event}")).json()
    assert (again["state"], again["attempts"]) == ("received", 0)
    assert (await desk.post(f"/api/events/{purged}/replay")).is_client_error, "nothing of it is left"


async def test_tokens_and_figures_are_listed_and_no_token_is_shown(desk: Desk, rows: Any) -> None:
    slack = rows("integrations", source="slack", external_id="T1", name="Launch")
    sealed = rows("credentials", integration_id=slack, kind="slack_bot_token", ciphertext=b"xoxb-sealed")
    listed = await desk.get("/api/credentials")
    assert [each["id"] for each in listed.json()["items"]] == [sealed]
    assert "xoxb" not in listed.text
    assert [(each["source"], each["name"]) for each in listed.json()["items"]] == [("slack", "Launch")]
    with_minute = {"metric": "runs.ended", "label": "fixer", "count": 3, "sum": 4.5, "max": 2.0}
    async with desk.world.gateway.database.tenant(desk.tenant.id) as tx:
        await tx.exec_driver_sql(
            "INSERT INTO stats_minutely (tenant_id, minute, metric, label, count, sum, max)"
            " SELECT %(tenant)s, date_trunc('minute', now()), %(metric)s, %(label)s, %(count)s, %(sum)s,"
            " %(max)s",
            {"tenant": desk.tenant.id, **with_minute},
        )
    (point,) = (await desk.get("/api/stats?metric=runs.ended&minutes=5")).json()["items"]
    assert {name: point[name] for name in with_minute} == with_minute


async def test_figures_are_counted_from_the_rows_and_asking_again_changes_nothing(
    desk: Desk, rows: Any
) -> None:
    known = {"integration_id": str(uuid4()), "source": "clickup", "event_type": "taskCreated"}
    for key in ("a", "b"):
        placed = {"subject": "task:1", "dedupe_key": key, "priority": 1, "transport": "http"}
        rows("inbound_events", **known, **placed, state="done")
    for _ in range(2):
        points = (await desk.get("/api/stats?metric=events.received&minutes=10")).json()["items"]
        assert sum(point["count"] for point in points) == 2
        assert {point["label"] for point in points} == {"clickup"}


async def test_the_overview_says_what_lives_what_waits_and_what_was_given_up(desk: Desk, rows: Any) -> None:
    known = {"integration_id": str(uuid4()), "source": "slack", "event_type": "app_mention"}
    placed = {"subject": "thread:C1:1.1", "priority": 1, "transport": "http"}
    for state in ("received", "dead", "done"):
        rows("inbound_events", **known, **placed, dedupe_key=state, state=state)
    seen = (await desk.get("/api/overview")).json()
    assert seen["events"] == {"received": 1, "dead": 1, "done": 1}
    assert seen["oldest_waiting"] is not None
    assert (seen["dead_letters"], seen["approvals"], seen["cost_usd"]) == (1, 0, 0)
