"""A company's proxy stands between the worker and the world, and not between it and this machine."""

import asyncio

import pytest


@pytest.fixture
async def proxy(monkeypatch):
    """Notes what it is asked for, and answers as Slack would; gives the first lines of the requests."""
    asked = []

    async def answer(reader, writer):
        asked.append((await reader.readline()).decode().strip())
        body = b'{"ok": true, "url": "https://acme.slack.com/"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    async with server:
        yield asked


async def test_requests_take_the_proxy_that_the_environment_names(path, proxy):
    (slack,) = await path.rows("SELECT tenant_id, id FROM integrations WHERE source = 'slack'")
    async with path.worker(slack_api_url="http://slack.invalid/api/") as worker:
        told = await worker.slack_api.call(slack["tenant_id"], slack["id"], "auth.test", {}, changes=False)
        assert told["url"] == "https://acme.slack.com/"
        assert proxy == ["POST http://slack.invalid/api/auth.test HTTP/1.1"]

        token = (await path.clickup.owner())["token"]
        assert await worker.clickup_api.client(token).get_user()
        assert len(proxy) == 1
