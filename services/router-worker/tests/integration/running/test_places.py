"""Lists and channels are read from the sandbox: they appear, follow their names and go; failures are told."""

from typing import Any

import pytest

from oblivion_contracts.jobs import PLACE_READING, ReadPlaces
from oblivion_platform.jobs import JobPolicy, NewJob
from oblivion_platform.queue import JobQueue
from oblivion_platform.testing import eventually


@pytest.fixture
async def read(path):
    """Has one of the two sides read, and returns the integration once that has ended."""
    queue = JobQueue(PLACE_READING, path.redis_url, JobPolicy())

    async def _read(source: str) -> dict[str, Any]:
        (before,) = await integration(path, source)
        command = ReadPlaces(integration_id=before["id"], tenant_id=before["tenant_id"])
        await queue.revive(NewJob(str(before["id"]), command.model_dump(mode="json"), 1))

        async def ended() -> dict[str, Any]:
            (now,) = await integration(path, source)
            assert now["health"].get("places", {}).get("tried_at") != tried_at(before)
            assert await queue.state(str(before["id"])) == "completed"
            return now["health"]["places"]

        return await eventually(ended)

    yield _read
    await queue.close()


def tried_at(row: dict[str, Any]) -> str | None:
    return row["health"].get("places", {}).get("tried_at")


async def integration(path, source):
    return await path.rows("SELECT id, tenant_id, health FROM integrations WHERE source = :s", s=source)


async def known(path, kind):
    rows = await path.rows("SELECT * FROM places WHERE kind = :k", k=kind)
    return {row["name"]: row for row in rows}


async def test_channels_appear_follow_their_names_and_go(path, read):
    kept = await path.slack.add_channel("offsite")
    await path.slack.add_channel("strangers", app_member=False)
    await path.slack.add_channel("done-with")
    async with path.worker():
        reading = await read("slack")
        first = await known(path, "channel")
        assert {"launch", "offsite", "strangers", "done-with"} <= first.keys()
        assert first["offsite"]["is_member"]
        assert not first["strangers"]["is_member"]
        assert "problem" not in reading
        assert reading["read_at"]

        await path.slack.rename_channel("offsite", "offsite-2027")
        await path.slack.archive_channel("done-with")
        await path.slack.invite("strangers")
        await read("slack")
        then = await known(path, "channel")
        assert then["offsite-2027"]["external_id"] == kept
        assert then["strangers"]["is_member"]
        assert not {"offsite", "done-with"} & then.keys()


async def test_without_the_right_to_private_channels_the_public_ones_appear(path, read):
    await path.slack.misbehave("conversations.list", "error", times=1, code="missing_scope")
    async with path.worker():
        reading = await read("slack")
        assert "problem" not in reading
        assert "launch" in await known(path, "channel")


async def test_lists_appear_with_where_they_are_and_go(path, read):
    await path.clickup.add_list("Hiring")
    async with path.worker():
        await read("clickup")
        lists = await known(path, "list")
        assert {"Launch", "Hiring"} <= lists.keys()
        assert lists["Launch"]["external_id"] == path.list_id
        assert all(row["path"] for row in lists.values())
        # As one that was deleted since.
        await path.run("UPDATE places SET external_id = '404', name = 'Gone' WHERE name = 'Hiring'")
        await read("clickup")
        assert {"Launch", "Hiring"} <= (await known(path, "list")).keys()
        assert "Gone" not in await known(path, "list")


@pytest.mark.parametrize(
    ("source", "kind", "match", "action", "said"),
    [
        ("slack", "channel", "conversations.list", "rate_limited", "Slack's rate limit is reached"),
        ("slack", "channel", "conversations.list", "http_500_before", "Slack does not answer"),
        ("clickup", "list", "GET /space/*/folder", "rate_limited", "ClickUp's rate limit is reached"),
        ("clickup", "list", "GET /space/*/list", "cut_before", "ClickUp does not answer"),
    ],
)
async def test_what_fails_is_told_and_what_was_known_stays(path, read, source, kind, match, action, said):
    side = path.slack if source == "slack" else path.clickup
    async with path.worker():
        whole = await read(source)
        before = await known(path, kind)
        more = {"retry_after": 1} if action == "rate_limited" else {}
        await side.misbehave(match, action, **more)
        failed = await read(source)
        assert said in failed["problem"]
        assert failed["read_at"] == whole["read_at"]
        assert (await known(path, kind)).keys() == before.keys()
        await side.behave()


async def test_a_refused_token_names_the_fix_and_a_new_one_clears_it(path, read):
    await path.clickup.change_user("you", token_revoked=True)
    async with path.worker():
        assert "oblivion clickup connect" in (await read("clickup"))["problem"]
        await path.clickup.change_user("you", token_revoked=False)
        assert "problem" not in await read("clickup")
        assert "Launch" in await known(path, "list")


async def test_a_tenants_places_are_its_own(path, read, connect_tenant):
    other = await connect_tenant(path, "other", path.list_id, path.channel)
    await path.run("UPDATE integrations SET state = 'disabled' WHERE tenant_id <> :t", t=other)
    rows = await path.rows("SELECT id FROM integrations WHERE tenant_id = :t AND source = 'slack'", t=other)
    queue = JobQueue(PLACE_READING, path.redis_url, JobPolicy())
    async with path.worker():
        command = ReadPlaces(integration_id=rows[0]["id"], tenant_id=other)
        await queue.add_all([NewJob(str(rows[0]["id"]), command.model_dump(mode="json"), 1)])

        async def found():
            assert await path.rows("SELECT 1 FROM places")

        await eventually(found)
    await queue.close()
    assert {row["tenant_id"] for row in await path.rows("SELECT tenant_id FROM places")} == {other}
