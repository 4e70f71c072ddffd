"""Verbs as somebody types them, as processes on a connected system; each speaks to machines too."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from oblivion_contracts.mappings import FilterKind, MappingOptions, MessageFilter, TaskSelection

pytestmark = pytest.mark.integration


@dataclass
class Said:
    """What a verb came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


async def oblivion(*arguments: str) -> Said:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "oblivion_cli", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


async def test_a_link_is_made_shown_and_ended(system):
    linked = (await oblivion("mappings", "link", "Launch", "#launch", "--json")).document
    ended = (await oblivion("mappings", "unlink", "Launch", "#launch", "--json")).document
    assert ended == {"unlinked": linked["id"]}
    assert (await oblivion("mappings", "list", "--json")).document == []
    (row,) = (await oblivion("mappings", "list", "--all", "--json")).document
    assert row["state"] != "active"
    again = await oblivion("mappings", "unlink", linked["id"][:8])
    assert (again.code, again.out) == (3, "")


async def test_a_link_carries_the_options_that_were_typed(system):
    filtering = ("--filter", "metadata", "--event-type", "deploy", "--payload", "env=prod")
    await oblivion("mappings", "link", "Launch", "#launch", *filtering, "--no-comments", "--tasks", "tagged")
    (row,) = (await oblivion("mappings", "list", "--json")).document
    options = MappingOptions.model_validate(row["options"])
    wanted = MessageFilter(kind=FilterKind.METADATA, event_type="deploy", payload={"env": "prod"})
    assert (options.filter, options.mirror_comments) == (wanted, False)
    assert options.tasks is TaskSelection.TAGGED
    incomplete = await oblivion("mappings", "link", "Launch", "#launch", "--filter", "metadata")
    assert (incomplete.code, incomplete.out) == (2, "")


async def test_a_tenant_is_made_with_its_retention_and_changes_it(system):
    await oblivion("tenants", "create", "acme", "--retention-days", "7")
    listed = {row["slug"]: row for row in (await oblivion("tenants", "list", "--json")).document}
    assert (listed["acme"]["retention_days"], listed["default"]["retention_days"]) == (7, 30)
    changed = await oblivion("tenants", "settings", "retention_days", "9", "--tenant", "acme", "--json")
    assert changed.document["retention_days"] == "9"
    refused = await oblivion("tenants", "settings", "retention_days", "never", "--tenant", "acme")
    assert (refused.code, refused.out) == (2, "")


async def test_dead_letters_are_listed_shown_retried_and_discarded(system):
    ids = [str(uuid4()) for _ in range(2)]
    for event_id in ids:
        system.sql(
            """
            INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject,
                dedupe_key, priority, transport, body, state, attempts, failures)
            SELECT %s, tenant_id, id, 'clickup', 'taskCreated', 'task:1',
                %s, 1, 'http', '{"a": 1}', 'dead', 3, '[{"code": "boom", "message": "It broke"}]'
            FROM integrations WHERE source = 'clickup'
            """,
            *(event_id, event_id),
        )
    listed = (await oblivion("dead-letters", "list", "--json")).document
    assert {row["id"] for row in listed} == set(ids)
    shown = (await oblivion("dead-letters", "show", ids[0], "--json")).document
    assert (shown["id"], shown["failures"][0]["message"]) == (ids[0], "It broke")
    assert (await oblivion("dead-letters", "retry", ids[0], "--json")).document["events"] == [ids[0]]
    discarded = await oblivion("dead-letters", "discard", "--all", "--reason", "a test", "--json")
    assert discarded.document["events"] == [ids[1]]
    nothing = await oblivion("dead-letters", "list")
    assert (nothing.code, nothing.out.strip()) == (0, "No dead letters.")

    with_body = (await oblivion("events", "show", ids[0], "--body", "--json")).document
    assert json.loads(with_body["body"]) == {"a": 1}
    assert system.sql("SELECT count(*) FROM audit_log WHERE action = 'event.body_read'") == [(1,)]


def verdicts(said: Said) -> list[tuple[str, str]]:
    return [(check["verdict"], check["sentence"]) for check in json.loads(said.out)["checks"]]


async def connect_slack(system, *more: str) -> Said:
    app = await system.sandbox.control.slack.app()
    tokens = ("--bot-token", app["bot_token"], "--signing-secret", app["signing_secret"])
    said = await oblivion("slack", "connect", *tokens, "--wait-s", "5", *more)
    assert app["bot_token"] not in said.out + said.err
    assert app["signing_secret"] not in said.out + said.err
    return said


async def test_slack_is_connected_for_machines_and_says_which_events_have_not_come(system):
    said = await connect_slack(system, "--channel", "#launch", "--json")
    assert said.document["ok"] is True
    unseen = next(sentence for verdict, sentence in verdicts(said) if verdict == "warning")
    assert unseen.startswith("Not seen yet")
    assert "reaction_added" in unseen
    assert "message.channels" not in unseen


async def test_connecting_slack_says_what_is_amiss_with_the_channel(system):
    slack = system.sandbox.control.slack
    await slack.kick("launch")
    outside = await connect_slack(system, "--channel", "#launch", "--json")
    assert outside.code == 1
    assert ("failed", "The app is not in #launch.") in verdicts(outside)

    unknown = await connect_slack(system, "--channel", "#nowhere", "--json")
    assert ("failed", "There is no channel '#nowhere' that the app can see.") in verdicts(unknown)

    for channel in await slack.channels():
        await slack.kick(channel)
    nowhere = await connect_slack(system, "--json")
    assert json.loads(nowhere.out)["ok"] is False
    assert ("failed", "The app is in no channel yet.") in verdicts(nowhere)
    assert "Traceback" not in nowhere.err


async def answering(system) -> dict[str, bool]:
    """Whose agents answer who speaks to the app, by tenant."""
    return dict(
        system.sql(
            "SELECT t.slug, i.answers FROM integrations i JOIN tenants t ON t.id = i.tenant_id"
            " WHERE i.source = 'slack' ORDER BY t.slug"
        )
    )


async def test_a_second_tenant_of_one_app_is_told_that_another_answers_and_mirrors_only(system):
    await oblivion("tenants", "create", "acme")
    channel = ("--channel", "#launch", "--json")
    refused = await connect_slack(system, "--tenant", "acme", *channel)
    assert refused.code == 1
    assert json.loads(refused.out)["ok"] is False
    assert "Another tenant answers the people who speak to this app" in refused.err
    assert "--mirror-only" in refused.err
    assert "a Slack app of its own" in refused.err
    assert "Traceback" not in refused.err
    assert await answering(system) == {"default": True}
    stored = "SELECT count(*) FROM credentials WHERE kind = 'slack_bot_token'"
    assert system.sql(stored) == [(1,)]

    # The app's one address has to be everybody's.
    await system.sandbox.control.slack.change_app(request_url=f"{system.public_url}/webhooks/slack")
    mirrored = await connect_slack(system, "--tenant", "acme", "--mirror-only", *channel)
    assert mirrored.document["ok"] is True
    sentences = [sentence for _, sentence in verdicts(mirrored)]
    assert any("mirrored only" in sentence for sentence in sentences)
    assert any(f"{system.public_url}/webhooks/slack;" in sentence for sentence in sentences)
    assert await answering(system) == {"acme": False, "default": True}

    again = await connect_slack(system, "--tenant", "acme", *channel)
    assert again.code == 1
    assert await answering(system) == {"acme": False, "default": True}


async def test_who_answers_is_handed_over_by_connecting_both_again(system):
    await oblivion("tenants", "create", "acme")
    channel = ("--channel", "#launch", "--json")
    await system.sandbox.control.slack.change_app(request_url=f"{system.public_url}/webhooks/slack")
    assert (await connect_slack(system, "--tenant", "default", "--mirror-only", *channel)).code == 0
    assert (await connect_slack(system, "--tenant", "acme", *channel)).code == 0
    assert await answering(system) == {"acme": True, "default": False}
    # What every start of the embedded system does leaves it so.
    await system.connect_sandbox()
    assert await answering(system) == {"acme": True, "default": False}


async def test_clickup_is_connected_for_machines(system):
    owner = await system.sandbox.control.clickup.owner()
    said = await oblivion("clickup", "connect", "--token", owner["token"], "--json")
    assert said.document["ok"] is True
    assert any("A signed probe was accepted" in sentence for _, sentence in verdicts(said))
    assert owner["token"] not in said.out + said.err
