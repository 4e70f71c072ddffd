"""A vendor that answers what nobody foresaw, maybe after it has done what it was asked."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from oblivion_mcp_hub.adapters.provider_server import ProviderServer
from oblivion_mcp_hub.errors import ServerMisbehaved
from oblivion_mcp_hub.ports import NOTHING_ELSE
from oblivion_mcp_hub.providers import Checked, Provider
from oblivion_mcp_hub.providers.provider import ADDS, Input, tool
from oblivion_platform.connections import Connection


class Secret:
    """Implements `oauth_ports.Credential`."""

    async def value(self):
        return "canary-secret"

    async def instead_of(self, refused):
        return None


class Title(Input):
    """What is made."""

    title: str


async def create(session, given):
    """Make a thing."""
    answer: dict[str, Any] = {"canary-answer": given.title}
    return answer["id"]


@asynccontextmanager
async def opened(secret, settings, base_url):
    yield secret


async def check(session):
    return Checked("somebody")


SHELF = Provider("shelf", "Shelf", "api_key", {}, (tool("create", ADDS, Title, create),), opened, check)


def connection():
    now = datetime.now(UTC)
    more = {"settings": {}, "sign_in": {}, "health": {}, "is_trusted": False, "has_secret": True}
    times = {"created_at": now, "updated_at": now}
    ids = {"id": uuid4(), "tenant_id": uuid4()}
    return Connection(
        name="shelf", provider="shelf", url=None, auth="secret", state="active", **ids, **times, **more
    )


async def test_what_nobody_foresaw_is_no_answer_and_its_words_are_nowhere(caplog, capsys):
    server = ProviderServer(SHELF, connection(), Secret(), "")
    with pytest.raises(ServerMisbehaved, match="shelf answered something that is not understood") as broken:
        await server.call("create", {"title": "canary-title"}, NOTHING_ELSE)
    await server.close()
    logged = caplog.text + capsys.readouterr().out
    assert "KeyError" in logged
    assert "test_unforeseen.py" in logged  # Where it broke.
    assert "canary" not in logged + str(broken.value)
