"""Whatever is sent: a 4xx with problem details, nothing stored, never a 5xx."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio

from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE, Problem
from oblivion_ingestion.testing import (
    SLACK_SECRET,
    Running,
    World,
    clickup_headers,
    connected_world,
    message,
    served,
    slack_headers,
    task_event,
)
from oblivion_platform.testing import PATIENCE_S, FreshDatabase, eventually

# One service for the whole module: nothing here changes what is connected.
pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
LIMIT_BYTES = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def module_world(module_database: FreshDatabase, redis_server_url: str) -> World:
    return connected_world(module_database, redis_server_url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(module_world: World) -> AsyncIterator[Running]:
    async with served(module_world.settings()) as started:
        yield started


@pytest.fixture
def world(module_world: World) -> World:
    module_world.forget_events()
    return module_world


def problem_of(answer: httpx.Response) -> Problem:
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    return problem


BODY = json.dumps(message()).encode()


def seconds_from_now(offset_s: int) -> str:
    return str(int(time.time()) + offset_s)


@pytest.mark.parametrize(
    ("headers", "reason"),
    # Made when the test runs: a timestamp from collection would be stale after a long suite.
    [
        (dict, "signature_missing"),
        (lambda: {"x-slack-signature": "v0=" + "0" * 64}, "signature_missing"),
        (lambda: {**slack_headers(BODY), "x-slack-signature": "v0=" + "0" * 64}, "signature_wrong"),
        (lambda: slack_headers(BODY, secret=b"another secret"), "signature_wrong"),
        (lambda: {**slack_headers(BODY), "x-slack-signature": "v0=" + "0" * 63}, "signature_misshapen"),
        (lambda: {**slack_headers(BODY), "x-slack-signature": "V0=" + "0" * 64}, "signature_misshapen"),
        (lambda: slack_headers(BODY, timestamp=seconds_from_now(-400)), "timestamp_not_fresh"),
        (lambda: slack_headers(BODY, timestamp=seconds_from_now(400)), "timestamp_not_fresh"),
        (lambda: slack_headers(BODY, timestamp="nan"), "timestamp_not_fresh"),
        (lambda: slack_headers(BODY, timestamp="1e9"), "timestamp_not_fresh"),
    ],
)
async def test_a_slack_delivery_that_is_not_proven_is_refused_and_counted(
    service: Running, world: World, headers: Callable[[], dict[str, str]], reason: str
) -> None:
    counted_before = service.counted("slack", reason)
    answer = await service.post("/webhooks/slack", BODY, headers())
    assert answer.status_code == 401
    assert problem_of(answer).code == "signature_rejected"
    assert world.events() == []
    assert service.counted("slack", reason) == counted_before + 1


async def test_a_non_ascii_signature_is_refused(service: Running, world: World) -> None:
    values = ("v0=" + "é" * 64, "é", "\x80\xff" * 32)
    counted_before = [refused(service, source) for source in ("slack", "clickup")]
    for value in values:
        headers = {**slack_headers(BODY), "x-slack-signature": value}
        sent = {name: content.encode("latin-1") for name, content in headers.items()}
        answer = await service.http.post("/webhooks/slack", content=BODY, headers=sent)
        assert answer.status_code == 401
        sent = {"x-signature": value.encode("latin-1")}
        body = json.dumps(task_event()).encode()
        answer = await service.http.post("/webhooks/clickup", content=body, headers=sent)
        assert answer.status_code == 401
    assert world.events() == []
    counted = [refused(service, source) for source in ("slack", "clickup")]
    assert counted == [before + len(values) for before in counted_before]


def refused(service: Running, source: str) -> float:
    """How many signatures that were there proved nothing."""
    return sum(service.counted(source, reason) for reason in ("signature_misshapen", "signature_wrong"))


async def test_a_body_that_was_changed_on_the_way_is_refused(service: Running, world: World) -> None:
    answer = await service.post("/webhooks/slack", BODY.replace(b"hello", b"hullo"), slack_headers(BODY))
    assert answer.status_code == 401
    body = json.dumps(task_event()).encode()
    answer = await service.post("/webhooks/clickup", body + b" ", clickup_headers(body))
    assert answer.status_code == 401
    assert world.events() == []


TASK = json.dumps(task_event()).encode()


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "signature_missing"),
        (clickup_headers(TASK, secret=b"another secret"), "signature_wrong"),
        ({"x-signature": clickup_headers(TASK)["x-signature"][:-1]}, "signature_wrong"),
        ({"x-signature": clickup_headers(TASK)["x-signature"].upper()}, "signature_wrong"),
        ({"x-signature": ""}, "signature_wrong"),
    ],
    ids=["missing", "wrong", "truncated", "capitals", "empty"],
)
async def test_a_clickup_delivery_that_is_not_proven_is_refused_and_counted(
    service: Running, world: World, headers: dict[str, str], reason: str
) -> None:
    counted_before = service.counted("clickup", reason)
    answer = await service.post("/webhooks/clickup", TASK, headers)
    assert answer.status_code == 401
    assert problem_of(answer).code == "signature_rejected"
    assert world.events() == []
    assert service.counted("clickup", reason) == counted_before + 1


HOSTILE = {
    "empty": b"",
    "no json": b"{",
    "no object": b"[1]",
    "null": b"null",
    "deep lists": b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "long integer": b'{"a":' + b"9" * 5_000 + b"}",
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "duplicate keys": b'{"team_id":"T0001","team_id":"T0002"}',
    "NUL": b'{"a":"\\u0000"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "not UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "app of the wrong type": b'{"api_app_id":5,"team_id":"T0001"}',
    "team of the wrong type": b'{"api_app_id":"A0001","team_id":["T0001"]}',
    "webhook of the wrong type": b'{"webhook_id":{},"api_app_id":true}',
}


@pytest.mark.parametrize("source", ["slack", "clickup"])
@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_json_is_refused_with_a_problem(
    service: Running, world: World, source: str, name: str
) -> None:
    body = HOSTILE[name]
    headers = slack_headers(body) if source == "slack" else clickup_headers(body)
    answer = await service.post(f"/webhooks/{source}", body, headers)
    assert answer.status_code in {400, 401}
    assert problem_of(answer).code
    assert world.events() == []


@pytest.mark.parametrize(
    "event", [[], "message", 7, {"type": "message", "ts": 5}, {"type": "message", "channel": {}, "ts": "1"}]
)
async def test_signed_events_of_wrong_types_are_malformed(
    service: Running, world: World, event: object
) -> None:
    answer = await service.slack({**message(), "event": event})
    assert answer.status_code == 400
    assert problem_of(answer).code == "wrong_type"
    assert world.events() == []


@pytest.mark.parametrize("items", ["x", {"id": 1}, [1], [{"id": []}]])
async def test_signed_clickup_bodies_of_wrong_types_are_malformed(
    service: Running, world: World, items: object
) -> None:
    answer = await service.clickup({**task_event(), "history_items": items})
    assert (answer.status_code, world.events()) == (400, [])


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/github",
        "/webhooks/",
        "/webhooks/slack/not-a-uuid",
        "/webhooks/slack/%00",
        "/webhooks/slack/00000000-0000-0000-0000-000000000001/more",
        "/webhooks",
        "/elsewhere",
    ],
)
async def test_unknown_sources_and_paths_are_not_found(service: Running, path: str) -> None:
    answer = await service.post(path, BODY, slack_headers(BODY))
    assert answer.status_code == 404
    assert problem_of(answer).status == 404


async def test_other_verbs_are_refused_with_the_one_that_works(service: Running) -> None:
    answer = await service.http.get("/webhooks/slack")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert problem_of(answer).code == "method_not_allowed"


async def test_a_body_of_exactly_the_limit_is_taken(service: Running, world: World) -> None:
    empty = len(json.dumps(message(text="")).encode())
    answer = await service.slack(message(text="x" * (LIMIT_BYTES - empty)))
    assert answer.status_code == 200
    assert len(world.events()) == 1


async def verify_too_large(status_line: bytes, reader: asyncio.StreamReader) -> None:
    """The rest of the answer is read to its end: the connection is closed behind it."""
    assert b" 413 " in status_line
    head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE_S)).partition(b"\r\n\r\n")
    assert f"content-type: {PROBLEM_MEDIA_TYPE}" in head.decode().lower()
    problem = Problem.model_validate_json(body)
    assert (problem.status, problem.code) == (413, "body_too_large")


async def test_an_announced_body_over_the_limit_is_refused_unread(service: Running, world: World) -> None:
    counted_before = service.counted("slack", "body_too_large")
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"POST /webhooks/slack HTTP/1.1\r\nhost: x\r\ncontent-length: 2097153\r\n\r\n")
    await verify_too_large(await asyncio.wait_for(reader.readline(), PATIENCE_S), reader)
    assert service.counted("slack", "body_too_large") == counted_before + 1
    assert world.events() == []
    writer.close()
    await writer.wait_closed()


async def test_a_chunked_body_is_refused_as_soon_as_it_passes_the_limit(
    service: Running, world: World
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"POST /webhooks/slack HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    answer, sent_bytes = asyncio.create_task(reader.readline()), 0
    while not answer.done() and sent_bytes < 8 * LIMIT_BYTES:
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()
        sent_bytes += 65_536
        await asyncio.sleep(0)
    await verify_too_large(await asyncio.wait_for(answer, PATIENCE_S), reader)
    assert LIMIT_BYTES < sent_bytes < 4 * LIMIT_BYTES
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    assert world.events() == []


async def test_a_sender_that_hangs_up_half_way_leaves_nothing(service: Running, world: World) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"POST /webhooks/slack HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await eventually(lambda: service.counted("slack", "sender_gone") == 1)
    assert world.events() == []


async def test_no_answer_repeats_what_was_sent(service: Running) -> None:
    canary = "xoxb-canary-0123456789"
    body = json.dumps({**message(text=canary), "team_id": 5}).encode()
    for headers in ({}, slack_headers(body), {"x-slack-signature": canary}):
        answer = await service.post("/webhooks/slack", body, headers)
        assert 400 <= answer.status_code < 500
        assert canary not in answer.text
    assert SLACK_SECRET.decode() not in answer.text
