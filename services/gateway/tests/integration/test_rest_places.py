"""Lists and channels to link: what is known at once, a new reading behind it, and each tenant its own."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from oblivion_contracts.jobs import PLACE_READING
from oblivion_gateway.testing import Desk, running_world
from oblivion_platform.jobs import JobPolicy
from oblivion_platform.queue import JobQueue, SupervisedWorker
from oblivion_platform.testing import FreshDatabase, eventually

CHANNELS = ("Launch", "general", "émigrés", "100%_sure")


@pytest.fixture
def put(desk: Desk, database: FreshDatabase) -> Any:
    """Puts a row where only other processes put any."""

    def _put(table: str, **values: Any) -> None:
        row = {"tenant_id": str(desk.tenant.id), **values}
        columns, places = ", ".join(row), ", ".join(["%s"] * len(row))
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(row.values()))

    return _put


@pytest.fixture
def slack(put: Any) -> str:
    """A connected workspace with channels, read a moment ago."""
    integration = str(uuid4())
    put("integrations", id=integration, source="slack", external_id="T1")
    for number, name in enumerate(CHANNELS):
        put("places", integration_id=integration, kind="channel", external_id=f"C{number}00", name=name)
    return integration


def note(database: FreshDatabase, integration: str, **reading: str) -> None:
    """What the router-worker writes when a reading has ended."""
    said = ", ".join(f"'{name}', {value}" for name, value in reading.items())
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "UPDATE integrations SET health = health || jsonb_build_object('places', jsonb_build_object("
            f"{said})) WHERE id = %s",
            (integration,),
        )


async def done_by_somebody(queue: JobQueue, job_id: str, redis_url: str) -> None:
    async def process(_job: Any, _token: str) -> dict[str, Any]:
        return {}

    async def is_done() -> None:
        assert await queue.state(job_id) == "completed"

    worker = SupervisedWorker(PLACE_READING, redis_url, process, JobPolicy(), concurrency=1)
    worker.start()
    await eventually(is_done)
    await worker.close()


async def names(desk: Desk, query: str = "") -> list[str]:
    answer = (await desk.get(f"/api/places?kind=channel{query}")).raise_for_status().json()
    return [place["name"] for place in answer["items"]]


async def test_places_are_found_by_part_of_their_name_path_or_whole_id(
    desk: Desk, put: Any, slack: str
) -> None:
    clickup = str(uuid4())
    put("integrations", id=clickup, source="clickup", external_id="9012")
    put("places", integration_id=clickup, kind="list", external_id="901", name="Bugs", path="Apps / Web")
    assert await names(desk) == ["100%_sure", "general", "Launch", "émigrés"]
    assert await names(desk, "&search=%23LAUN") == ["Launch"]
    assert await names(desk, "&search=ÉMI") == ["émigrés"]
    assert await names(desk, "&search=%25_") == ["100%_sure"], "nothing stands for anything"
    assert await names(desk, "&search=c000") == ["Launch"]
    assert await names(desk, "&search=c00") == [], "an id is whole"
    lists = (await desk.get("/api/places?kind=list&search=web")).json()["items"]
    assert [(place["name"], place["path"]) for place in lists] == [("Bugs", "Apps / Web")]


async def test_places_come_in_pages(desk: Desk, slack: str) -> None:
    found: list[str] = []
    cursor = ""
    for _ in range(5):
        page = (await desk.get(f"/api/places?kind=channel&limit=2{cursor}")).json()
        found += [place["name"] for place in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ["100%_sure", "general", "Launch", "émigrés"]
    assert (await desk.get("/api/places?kind=channel&cursor=nonsense")).status_code == 422


async def test_a_reading_is_asked_for_once_and_again_after_a_minute(
    desk: Desk, slack: str, redis_url: str, database: FreshDatabase
) -> None:
    queue = JobQueue(PLACE_READING, redis_url, JobPolicy())
    try:
        first = (await desk.get("/api/places?kind=channel")).json()
        assert (first["read_at"], first["is_reading"], first["problem"]) == (None, True, None)
        assert (await desk.get("/api/places?kind=channel&search=a")).json()["is_reading"]
        assert sum((await queue.counts()).values()) == 1, "two wishes are one job"
        assert await queue.state(slack) in {"waiting", "prioritized"}
        await done_by_somebody(queue, slack, redis_url)
        note(database, slack, tried_at="now()", read_at="now()")
        read = (await desk.get("/api/places?kind=channel")).json()
        assert read["read_at"] is not None
        assert not read["is_reading"]
        assert await queue.state(slack) == "completed"
        note(database, slack, tried_at="now() - interval '61 seconds'", read_at="now()")
        assert (await desk.get("/api/places?kind=channel")).json()["is_reading"]
        assert await queue.state(slack) in {"waiting", "prioritized"}
    finally:
        await queue.close()


async def test_what_keeps_a_reading_from_being_whole_is_told(
    desk: Desk, slack: str, database: FreshDatabase
) -> None:
    note(database, slack, tried_at="now()", problem="'the bot token was revoked; connect Slack again'")
    page = (await desk.get("/api/places?kind=channel")).json()
    assert page["problem"] == "the bot token was revoked; connect Slack again"
    assert len(page["items"]) == len(CHANNELS), "what was seen before stays"


async def test_a_workspace_that_is_not_connected_is_named_with_its_fix(desk: Desk, slack: str) -> None:
    page = (await desk.get("/api/places?kind=list")).json()
    assert "oblivion clickup connect" in page["problem"]
    assert (page["items"], page["is_reading"]) == ([], False)


async def test_without_redis_what_is_known_is_shown_and_the_reason_told(database: FreshDatabase) -> None:
    async with running_world(database, "redis://127.0.0.1:1/0") as world:
        tenant = await world.new_tenant()
        integration = str(uuid4())
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(
                "INSERT INTO integrations (id, tenant_id, source, external_id)"
                " VALUES (%s, %s, 'slack', 'T1')",
                (integration, tenant.id),
            )
            admin.execute(
                "INSERT INTO places (tenant_id, integration_id, kind, external_id, name)"
                " VALUES (%s, %s, 'channel', 'C100', 'launch')",
                (tenant.id, integration),
            )
        token = await world.token(tenant, "admin")
        answer = await world.request("GET", "/api/places?kind=channel", token=token)
    assert answer.status_code == 200
    assert [place["name"] for place in answer.json()["items"]] == ["launch"]
    assert "Check Redis" in answer.json()["problem"]


async def test_another_tenants_places_are_not_there(desk: Desk, slack: str) -> None:
    page = (await desk.get("/api/places?kind=channel&limit=1")).json()
    other = await desk.world.new_tenant()
    token = await desk.world.token(other, "admin")
    for query in ("", "&search=launch", f"&cursor={page['next_cursor']}"):
        answer = await desk.world.request("GET", f"/api/places?kind=channel{query}", token=token)
        assert answer.json()["items"] == []
        assert "oblivion slack connect" in answer.json()["problem"]


async def test_a_channel_without_the_app_is_linked_and_the_mapping_says_what_to_do(
    desk: Desk, put: Any, slack: str, database: FreshDatabase
) -> None:
    clickup = str(uuid4())
    put("integrations", id=clickup, source="clickup", external_id="9012")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE places SET is_member = false WHERE external_id = 'C100'")
    new = {"clickup_integration_id": clickup, "clickup_list_id": "901", "slack_integration_id": slack}
    outside = (await desk.post("/api/mappings", {**new, "slack_channel_id": "C100"})).json()
    inside = (await desk.post("/api/mappings", {**new, "slack_channel_id": "C000"})).json()
    assert "/invite @Oblivion" in outside["problem"]["message"]
    assert (inside["problem"], inside["tasks_shown"], inside["last_event_at"]) == (None, 0, None)


async def test_a_workflows_runs_can_be_listed(desk: Desk) -> None:
    made = [(await desk.post("/api/workflows", {"name": name, "prompt": "x"})).json() for name in ("a", "b")]
    run = (await desk.post(f"/api/workflows/{made[0]['id']}/run")).json()["run_id"]
    await desk.post(f"/api/workflows/{made[1]['id']}/run")
    listed = (await desk.get(f"/api/runs?workflow_id={made[0]['id']}")).json()["items"]
    assert [each["id"] for each in listed] == [run]
