"""The service with a page of a test's own, as a browser meets it."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from oblivion_observer.adapters.board_socket import BoardSocket
from oblivion_observer.adapters.page_folder import read_page
from oblivion_observer.bootstrap import running
from oblivion_observer.routes.application import make_application
from oblivion_observer.routes.queue_board import QueueBoard
from oblivion_observer.settings import Settings
from oblivion_platform.health import Health, Phase


def application(folder: Path) -> httpx.AsyncClient:
    board = QueueBoard(None, BoardSocket(str(folder / "none.sock")), frozenset())
    app = make_application(read_page(folder), board, Health(phase=Phase.READY))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "assets" / "main-1a2b.js").write_text("plain")
    (tmp_path / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(b"packed", mtime=0))
    async with application(tmp_path) as client:
        yield client


async def test_every_address_that_is_no_file_gets_the_index(browser: httpx.AsyncClient):
    for path in ("/", "/runs", "/runs/7?tab=steps", "/nothing/here", "/..%2f..%2fetc/passwd"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.text) == (200, "<!doctype html>")
        assert answer.headers["cache-control"] == "no-cache"


async def test_a_hashed_file_is_kept_for_ever_and_one_of_another_version_is_not_the_index(
    browser: httpx.AsyncClient,
):
    answer = await browser.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert answer.text == "plain"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert (await browser.get("/assets/main-9z.js")).status_code == 404


async def test_a_file_is_sent_packed_to_who_can_read_it(browser: httpx.AsyncClient):
    async with browser.stream("GET", "/assets/main-1a2b.js", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert b"".join([part async for part in answer.aiter_raw()]) == gzip.compress(b"packed", mtime=0)


async def test_what_did_not_change_is_not_sent_again(browser: httpx.AsyncClient):
    etag = (await browser.get("/")).headers["etag"]
    assert (await browser.get("/", headers={"If-None-Match": etag})).status_code == 304


async def test_no_script_but_the_pages_own_and_no_frame_around_it(browser: httpx.AsyncClient):
    for path in ("/", "/assets/main-1a2b.js", "/assets/main-9z.js"):
        headers = (await browser.get(path)).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert "max-age=" in headers["strict-transport-security"]


async def test_where_the_page_was_not_built_it_says_so(tmp_path: Path):
    async with application(tmp_path) as client:
        answer = await client.get("/runs")
    assert answer.status_code == 503
    assert "make page" in answer.text


async def test_the_service_starts_says_how_it_is_and_counts():
    settings = Settings.model_validate({"host": "127.0.0.1", "port": 0})
    async with running(settings) as observer, httpx.AsyncClient(trust_env=False) as client:
        base = f"http://127.0.0.1:{observer.port}"
        assert (await client.get(f"{base}/health/ready")).json() == {"ready": True}
        assert (await client.get(f"{base}/")).status_code in {200, 503}
        assert "oblivion_page_answers_total" in (await client.get(f"{base}/metrics")).text


async def test_health_and_metrics_are_not_shown_to_the_world(browser: httpx.AsyncClient):
    for path in ("/metrics", "/health/live", "/health/ready", "/health/details"):
        answer = await browser.get(path, headers={"X-Forwarded-For": "203.0.113.7"})
        assert (answer.status_code, answer.json()["code"]) == (404, "path_unknown")
    assert (await browser.get("/metrics")).status_code == 200
    assert (await browser.get("/runs", headers={"X-Forwarded-For": "203.0.113.7"})).status_code == 200
