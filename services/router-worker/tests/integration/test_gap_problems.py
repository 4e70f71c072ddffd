"""Links show what keeps a filling from reading their list or channel."""

from uuid import uuid4

import pytest

from oblivion_platform.crypto import SigningKeyRing, generate_key
from oblivion_router_worker.adapters.postgres_watch import PostgresWatch


@pytest.mark.parametrize("source", ["clickup", "slack"])
async def test_a_problem_shows_at_the_links_of_the_place_alone(world, source):
    await world.link(uuid4(), list_id="902", channel="C0OTHER")
    store = PostgresWatch(world.database, SigningKeyRing.from_text(generate_key()))
    watched = {each.integration.source: each.integration for each in await store.integrations()}
    place = {"clickup": "902", "slack": "C0OTHER"}[source]
    await store.note_problem(watched[source], place, "not_in_channel", "invite the app")
    rows = await world.rows("SELECT slack_channel_id, problem FROM project_mappings ORDER BY 1")
    assert [(row["slack_channel_id"], bool(row["problem"])) for row in rows] == [
        ("C0LAUNCH", False),
        ("C0OTHER", True),
    ]
    await store.note_problem(watched[source], place, "not_in_channel", "invite the app")
    assert await world.rows("SELECT slack_channel_id, problem FROM project_mappings ORDER BY 1") == rows
    assert rows[1]["problem"]["code"] == "not_in_channel"
