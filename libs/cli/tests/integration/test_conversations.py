"""Sessions looked at from the command line, and agents that a mapping names."""

from uuid import uuid4

import pytest

from oblivion_cli.admin import Admin
from oblivion_cli.errors import NotFound
from oblivion_cli.usecases.conversations import Conversations
from oblivion_cli.usecases.mappings import refuse_unknown
from oblivion_contracts.mappings import AgentTriggers
from oblivion_contracts.runs import RunSource
from oblivion_platform import sessions
from oblivion_platform.sessions import NewSessionRow, Said


async def test_conversations_are_listed_by_their_newest_message_and_shown_with_what_was_said(
    admin: Admin,
) -> None:
    conversations = Conversations(admin.database, admin.tenant.id)
    assert await conversations.listing(10) == []
    async with admin.database.tenant(admin.tenant.id) as tx:
        older, newer = [
            await sessions.create(tx, admin.tenant.id, NewSessionRow(source=RunSource.SLACK, title=title))
            for title in ("older", "newer")
        ]
    async with admin.database.tenant(admin.tenant.id) as tx:
        await sessions.append_message(tx, older.id, Said("user", "hello", RunSource.SLACK, "Ana"))

    assert [each["title"] for each in await conversations.listing(10)] == ["older", "newer"]
    assert len(await conversations.listing(1)) == 1
    shown = await conversations.show(older.id)
    assert [(said["author"], said["text"]) for said in shown["messages"]] == [("Ana", "hello")]
    assert (await conversations.show(newer.id))["messages"] == []
    with pytest.raises(NotFound, match="oblivion sessions list"):
        await conversations.show(uuid4())


async def test_a_mapping_names_agents_that_there_are(admin: Admin) -> None:
    known = AgentTriggers(default_agent="general", tags={"robot": "github"})
    assert await refuse_unknown(admin.database, admin.tenant.id, known) is None
    with pytest.raises(NotFound, match="no agent called nobody"):
        await refuse_unknown(admin.database, admin.tenant.id, AgentTriggers(statuses={"open": "nobody"}))
