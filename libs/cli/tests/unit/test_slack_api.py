"""How the command line speaks with Slack's Web API."""

import asyncio

import pytest

from oblivion_cli.adapters.slack import SlackApi
from oblivion_cli.errors import DependencyAway


async def test_a_post_that_was_cut_off_is_not_sent_twice():
    requests: list[bytes] = []

    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readline())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(cut_off, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DependencyAway):
            await SlackApi(f"http://127.0.0.1:{port}/api/", "xoxb-1").post("C1", "hello")
    assert requests == [b"POST /api/chat.postMessage HTTP/1.1\r\n"]
