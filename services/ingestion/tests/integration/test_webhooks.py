"""Webhooks over real sockets into a real Postgres and Redis."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import redis.asyncio

from oblivion_contracts.jobs import ProcessEvent
from oblivion_ingestion.testing import (
    APP,
    SLACK_SECRET,
    Running,
    World,
    message,
    served,
    slack_headers,
    task_event,
)
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration
FORM = "application/x-www-form-urlencoded"


async def job_of(redis_url: str, job_id: object) -> dict[str, Any]:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        job = await client.hgetall(f"bull:webhook-processing:{job_id}")
    assert job, "no such job"
    return job


async def test_a_signed_slack_message_is_committed_and_queued_under_its_id(
    service: Running, world: World
) -> None:
    answer = await service.slack(message())
    assert (answer.status_code, answer.content) == (200, b"")
    (event,) = world.events()
    assert (event["tenant_id"], event["integration_id"]) == (world.tenant, world.slack)
    assert (event["subject"], event["dedupe_key"]) == (
        "thread:C1:1700000000.000100",
        "T0001:C1:1700000000.000100",
    )
    assert (event["transport"], event["state"], event["priority"]) == ("http", "received", 1)
    assert json.loads(event["body"]) == message()
    job = await eventually(lambda: job_of(world.redis_url, event["id"]))
    command = ProcessEvent.model_validate(json.loads(job["data"]))
    assert (command.event_id, command.tenant_id) == (event["id"], world.tenant)
    assert command.traceparent == event["traceparent"]
    assert job["priority"] == "1"


async def test_a_signed_clickup_webhook_is_committed_and_queued(service: Running, world: World) -> None:
    answer = await service.clickup(task_event())
    assert answer.status_code == 200
    (event,) = world.events()
    assert (event["integration_id"], event["event_type"]) == (world.clickup, "taskCreated")
    assert event["subject"] == "task:abc"
    await eventually(lambda: job_of(world.redis_url, event["id"]))


async def test_the_path_of_an_integration_takes_its_webhooks(service: Running, world: World) -> None:
    answer = await service.slack(message(), path=f"/webhooks/slack/{world.slack}")
    assert answer.status_code == 200
    assert len(world.events()) == 1


async def test_a_senders_trace_is_carried_on(service: Running, world: World) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = json.dumps(message()).encode()
    await service.post("/webhooks/slack", body, {**slack_headers(body), "traceparent": trace})
    (event,) = world.events()
    assert event["traceparent"] == trace


async def test_one_mention_told_twice_slacks_retries_and_clickups_repeats_are_one_event_each(
    service: Running, world: World
) -> None:
    told = [
        message(event_id="Ev1"),
        message(event_id="Ev2", type="app_mention"),
        message(event_id="Ev1"),
    ]
    answers = await asyncio.gather(*(service.slack(each) for each in told))
    answers += await asyncio.gather(*(service.clickup(task_event()) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(event["source"] for event in world.events()) == ["clickup", "slack"]


async def test_a_repeat_is_no_second_event_even_after_its_body_was_removed(
    service: Running, world: World
) -> None:
    told = [await service.slack(message()), await service.clickup(task_event())]
    with world.admin() as admin:
        admin.execute(
            "UPDATE inbound_events SET body = NULL, state = 'done', received_at = now() - interval '1 year'"
        )
    told += [await service.slack(message()), await service.clickup(task_event())]
    assert {answer.status_code for answer in told} == {200}
    assert [(event["body"], event["state"]) for event in world.events()] == [(None, "done")] * 2


async def test_the_same_events_on_two_replicas_at_once_are_stored_once(
    service: Running, world: World
) -> None:
    """In opposite orders, which would deadlock if batches were not sorted."""
    events = [message(f"17000{number:05}.0", event_id=f"Ev{number}") for number in range(150)]
    async with served(world.settings()) as other:
        answers = await asyncio.gather(
            *(service.slack(event) for event in events), *(other.slack(event) for event in reversed(events))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len(world.events()) == 150


async def test_the_handshake_is_answered_with_its_challenge_and_not_stored(
    service: Running, world: World
) -> None:
    handshake = {"type": "url_verification", "challenge": "c-123", "token": "legacy"}
    named = await service.slack({**handshake, "api_app_id": APP})
    by_path = await service.slack(handshake, path=f"/webhooks/slack/{world.slack}")
    assert named.json() == by_path.json() == {"challenge": "c-123"}
    assert world.events() == []
    assert service.counted("slack", "handshake") == 2


async def test_a_handshake_that_names_nobody_is_refused(service: Running) -> None:
    answer = await service.slack({"type": "url_verification", "challenge": "c"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("fields", "event_type"),
    [
        (
            {
                "payload": json.dumps(
                    {"type": "block_actions", "api_app_id": APP, "team": {"id": "T0001"}, "trigger_id": "1.2"}
                )
            },
            "block_actions",
        ),
        ({"command": "/oblivion", "api_app_id": APP, "team_id": "T0001", "text": "hi"}, "slash_command"),
    ],
)
async def test_interactions_and_slash_commands_are_stored_as_they_came(
    service: Running, world: World, fields: dict[str, str], event_type: str
) -> None:
    body = urlencode(fields).encode()
    answer = await service.slack(body, content_type=FORM)
    assert (answer.status_code, answer.content) == (200, b"")
    (event,) = world.events()
    assert (event["event_type"], event["content_type"], event["body"]) == (event_type, FORM, body)


@pytest.mark.parametrize("event_type", ["brand_new_event", "pin_added"])
async def test_unknown_event_types_are_acknowledged_and_stored(
    service: Running, world: World, event_type: str
) -> None:
    assert (await service.slack(message(type=event_type))).status_code == 200
    assert [event["event_type"] for event in world.events()] == [event_type]


async def test_signed_but_of_an_unknown_team_is_acknowledged_counted_and_not_stored(
    service: Running, world: World
) -> None:
    answer = await service.slack({**message(), "team_id": "TUNKNOWN"})
    assert answer.status_code == 200
    assert world.events() == []
    assert service.counted("slack", "ignored") == 1


async def test_of_an_unknown_team_and_signed_by_nobody_is_refused(service: Running, world: World) -> None:
    answer = await service.slack({**message(), "team_id": "TUNKNOWN"}, secret=b"another")
    assert answer.status_code == 401
    assert world.events() == []


async def test_an_unknown_clickup_webhook_is_refused(service: Running, world: World) -> None:
    answer = await service.clickup({**task_event(), "webhook_id": "unknown"})
    assert answer.status_code == 401
    assert service.counted("clickup", "secret_unknown") == 1


async def test_one_clickup_webhooks_secret_does_not_prove_another(service: Running, world: World) -> None:
    world.add_secret("clickup:wh-2", b"second-secret", world.clickup)
    answer = await service.clickup({**task_event(), "webhook_id": "wh-2"})
    assert answer.status_code == 401


async def test_an_app_without_a_team_in_the_body_is_nobodys_when_installed_twice(
    service: Running, world: World
) -> None:
    nameless = {name: value for name, value in message().items() if name != "team_id"}
    assert (await service.slack(nameless)).status_code == 200
    assert len(world.events()) == 1
    other, tenant = uuid4(), uuid4()
    world.add_integration(other, "slack", "T0002", tenant)
    world.add_secret(f"slack:{APP}:T0002", SLACK_SECRET, other, tenant=tenant)
    second = {**nameless, "event": {**message()["event"], "ts": "1700000001.0"}}
    await eventually(lambda: _ignored(service, second))
    assert (await service.slack(second, path=f"/webhooks/slack/{other}")).status_code == 200
    assert {event["tenant_id"] for event in world.events()} == {world.tenant, tenant}


async def _ignored(service: Running, payload: object) -> bool:
    await service.slack(payload)
    return service.counted("slack", "ignored") > 0


async def test_a_team_that_two_tenants_connected_reaches_both(service: Running, world: World) -> None:
    other, tenant = uuid4(), uuid4()
    world.add_integration(other, "slack", "T0001", tenant)
    world.add_secret(f"slack:{APP}:T0001", SLACK_SECRET, other, tenant=tenant)
    assert (await service.slack(message())).status_code == 200
    assert {event["tenant_id"] for event in world.events()} == {world.tenant, tenant}


async def test_a_tenant_that_claims_a_team_without_its_secret_gets_nothing(
    service: Running, world: World
) -> None:
    other, tenant = uuid4(), uuid4()
    world.add_integration(other, "slack", "T0001", tenant)
    world.add_secret(f"slack:{APP}:T0001", b"a guess", other, tenant=tenant)
    assert (await service.slack(message())).status_code == 200
    assert {event["tenant_id"] for event in world.events()} == {world.tenant}


async def test_the_api_is_described_with_its_problems(service: Running) -> None:
    description = (await service.http.get("/webhooks-openapi.json")).json()
    post = description["paths"]["/webhooks/{source}"]["post"]
    assert set(post["responses"]) == {"200", "400", "401", "404", "408", "413", "503"}
    assert "Problem" in description["components"]["schemas"]


async def test_health_and_metrics_answer(service: Running) -> None:
    await service.slack(message())
    assert (await service.http.get("/health/live")).status_code == 200
    assert (await service.http.get("/health/ready")).status_code == 200
    metrics = (await service.http.get("/metrics")).text
    assert 'oblivion_ingestion_deliveries_total{outcome="accepted",source="slack"} 1.0' in metrics


async def test_health_details_name_each_dependency(world: World) -> None:
    async with served(world.settings(health_token="t")) as service:
        answer = await service.http.get("/health/details", headers={"authorization": "Bearer t"})
    assert {name: state["ok"] for name, state in answer.json()["dependencies"].items()} == {
        "postgres inbox": True,
        "postgres announcements": True,
        "redis queue": True,
        "slack socket mode": True,
    }
