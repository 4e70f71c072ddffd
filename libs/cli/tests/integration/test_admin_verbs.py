"""Tenants, mappings, events and dead letters, under the command line's role and in the audit log."""

from uuid import UUID, uuid4

import pytest

from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands.mappings import link_by_name
from oblivion_cli.errors import CommandFailed, NotFound, UsageWrong
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.dead_letters import Choice, DeadLetters
from oblivion_cli.usecases.events import EventFilter, Events
from oblivion_cli.usecases.mappings import Mappings
from oblivion_cli.usecases.tenants import (
    NewTenant,
    change_setting,
    create_tenant,
    find_tenant,
    list_tenants,
    settings_of,
)
from oblivion_contracts.jobs import WEBHOOK_PROCESSING
from oblivion_contracts.mappings import FilterKind, MappingOptions, MessageFilter
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.queue import JobPolicy, JobQueue, NewJob

ACTOR = Actor("test")


class Queue:
    """Remembers the jobs revived; refuses when `away`."""

    def __init__(self, *, away: bool = False) -> None:
        self.jobs: list[NewJob] = []
        self.away = away

    async def revive(self, job: NewJob) -> None:
        if self.away:
            raise DependencyUnavailable("redis_unavailable", "Redis does not answer")
        self.jobs.append(job)


def mappings_of(admin: Admin) -> Mappings:
    return Mappings(admin.database, admin.tenant.id, ACTOR)


def events_of(admin: Admin) -> Events:
    return Events(admin.database, admin.tenant.id, ACTOR)


def letters_of(admin: Admin) -> DeadLetters:
    return DeadLetters(admin.database, admin.tenant.id, ACTOR)


def add_event(
    system, admin: Admin, *, state: str = "done", body: bytes | None = b"{}", code: str = "boom"
) -> UUID:
    event_id = uuid4()
    system.sql(
        """
        INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject, dedupe_key,
            priority, transport, body, state, attempts, failures)
        VALUES (%s, %s, gen_random_uuid(), 'clickup', 'taskCreated', 'task:1', %s, 1, 'http', %s, %s, 3,
            jsonb_build_array(jsonb_build_object('code', %s::text, 'message', 'It broke')))
        """,
        event_id, admin.tenant.id, str(event_id), body, state, code,
    )  # fmt: skip
    return event_id


def add_dead_effect(system, admin: Admin, code: str = "not_in_channel") -> UUID:
    effect_id = uuid4()
    system.sql(
        """
        INSERT INTO outbox (id, tenant_id, integration_id, destination, kind, payload, priority, state,
            attempts, failures)
        SELECT %s, tenant_id, id, 'slack:x', 'slack.post_task', '{}', 1, 'dead', 1,
            jsonb_build_array(jsonb_build_object('code', %s::text, 'message', 'Invite the app'))
        FROM integrations WHERE source = 'slack' AND tenant_id = %s
        """,
        effect_id, code, admin.tenant.id,
    )  # fmt: skip
    return effect_id


async def test_tenants_are_created_with_key_user_and_audit_line(system, admin):
    made = await create_tenant(admin.database, admin.access.master_keys, NewTenant("acme", "Acme"), ACTOR)
    assert [row["slug"] for row in await list_tenants(admin.database)] == ["acme", "default"]
    assert system.sql("SELECT count(*) FROM tenant_keys WHERE tenant_id = %s", made.id) == [(1,)]
    assert system.sql("SELECT name, role FROM users WHERE tenant_id = %s", made.id) == [("admin", "admin")]
    assert system.sql("SELECT actor, action FROM audit_log WHERE tenant_id = %s", made.id) == [
        ("test", "tenant.created")
    ]


async def test_a_role_that_sees_every_tenant_is_refused(system, monkeypatch):
    monkeypatch.setenv("OBLIVION_DATABASE_URL", system.database.admin_url)
    with pytest.raises(UsageWrong, match=r"could read every tenant's rows.*Use the role oblivion_cli"):
        async with open_admin(None):
            pass


async def test_a_taken_or_unusable_slug_is_refused(admin):
    with pytest.raises(CommandFailed, match="There is a tenant 'default' already"):
        await create_tenant(admin.database, admin.access.master_keys, NewTenant("default", "D"), ACTOR)
    with pytest.raises(UsageWrong, match="cannot be a tenant's slug"):
        await create_tenant(admin.database, admin.access.master_keys, NewTenant("Not OK", "D"), ACTOR)


async def test_several_tenants_need_to_be_told_apart(admin):
    await create_tenant(admin.database, admin.access.master_keys, NewTenant("acme", "Acme"), ACTOR)
    with pytest.raises(UsageWrong, match=r"several tenants \(acme, default\).*--tenant"):
        await find_tenant(admin.database, None)
    with pytest.raises(NotFound, match="no tenant 'nobody'"):
        await find_tenant(admin.database, "nobody")


async def test_a_list_is_linked_by_name_once_and_again_with_new_options(system, admin):
    first = await link_by_name(admin, "launch", "launch", MappingOptions())
    options = MappingOptions(filter=MessageFilter(kind=FilterKind.ALL, payload={}), mirror_comments=False)
    again = await link_by_name(admin, "Launch", "#launch", options)
    assert (first.is_new, again.is_new, again.id) == (True, False, first.id)
    (mapping,) = await mappings_of(admin).listing()
    assert MappingOptions.model_validate(mapping["options"]) == options
    assert (mapping["list"], mapping["channel"], mapping["state"]) == ("Launch", "launch", "active")


async def test_linking_brings_the_app_into_a_public_channel(system, admin):
    await link_by_name(admin, "Support", "#support", MappingOptions())
    _, slack = await admin.slack()
    assert {each.name for each in await slack.channels() if each.is_member} >= {"support"}


async def test_unknown_lists_and_channels_are_named_with_what_is_known(admin):
    with pytest.raises(NotFound, match=r"no list 'Nope'.*Ideas, Launch, Support"):
        await link_by_name(admin, "Nope", "#launch", MappingOptions())
    with pytest.raises(NotFound, match=r"no channel 'nope'.*general, launch, support"):
        await link_by_name(admin, "Launch", "#nope", MappingOptions())


async def test_a_mapping_is_unlinked_by_id_or_by_names_and_can_be_linked_anew(system, admin):
    first = await link_by_name(admin, "Launch", "#launch", MappingOptions())
    await mappings_of(admin).unlink(str(first.id)[:8], None)
    second = await link_by_name(admin, "Launch", "#launch", MappingOptions())
    assert second.is_new
    await mappings_of(admin).unlink("Launch", "#launch")
    assert await mappings_of(admin).listing() == []
    assert len(await mappings_of(admin).listing(unlinked_too=True)) == 2
    with pytest.raises(NotFound):
        await mappings_of(admin).unlink("Launch", "#launch")
    lines = system.sql("SELECT action, detail FROM audit_log WHERE action LIKE 'mapping.%%' ORDER BY at, id")
    place = lines[0][1]
    assert set(place) == {"list", "channel"}
    assert lines == [("mapping.linked", place), ("mapping.unlinked", place)] * 2


async def test_events_are_listed_filtered_and_shown_without_their_body(system, admin):
    done = add_event(system, admin)
    add_event(system, admin, state="dead")
    rows = await events_of(admin).listing(EventFilter(state="done"))
    assert [row["id"] for row in rows] == [done]
    shown = await events_of(admin).show(await events_of(admin).find(str(done)[:8]), with_body=False)
    assert "body" not in shown
    assert shown["body_bytes"] == 2


async def test_reading_a_body_is_audited(system, admin):
    event_id = add_event(system, admin)
    assert (await events_of(admin).show(event_id, with_body=True))["body"] == "{}"
    assert system.sql("SELECT subject FROM audit_log WHERE action = 'event.body_read'") == [(str(event_id),)]


async def test_an_event_of_another_tenant_cannot_be_found(system, admin):
    other = await create_tenant(admin.database, admin.access.master_keys, NewTenant("acme", "Acme"), ACTOR)
    event_id = add_event(system, admin)
    with pytest.raises(NotFound):
        await Events(admin.database, other.id, ACTOR).find(str(event_id))


async def test_a_replayed_event_is_received_again_and_its_job_revived(system, admin):
    event_id = add_event(system, admin)
    queue = JobQueue(WEBHOOK_PROCESSING, system.redis_url, JobPolicy())
    try:
        replayed = await events_of(admin).replay([event_id], queue)
        state = await queue.state(str(event_id))
    finally:
        await queue.close()
    assert (replayed.ids, replayed.queued, state) == ([event_id], True, "prioritized")
    assert system.sql("SELECT state, attempts, outcome FROM inbound_events") == [("received", 0, None)]
    assert system.sql("SELECT count(*) FROM audit_log WHERE action = 'event.replayed'") == [(1,)]


async def test_a_replay_without_redis_waits_in_postgres(system, admin):
    event_id = add_event(system, admin)
    replayed = await events_of(admin).replay([event_id], Queue(away=True))
    assert (replayed.queued, replayed.ids) == (False, [event_id])
    assert system.sql("SELECT state FROM inbound_events") == [("received",)]


async def test_a_purged_event_cannot_be_replayed(system, admin):
    event_id = add_event(system, admin, body=None)
    with pytest.raises(CommandFailed, match="purged"):
        await events_of(admin).replay([event_id], Queue())


async def test_dead_letters_are_reported_by_cause(system, admin):
    add_event(system, admin, state="dead", code="boom")
    add_event(system, admin, state="dead", code="boom")
    add_dead_effect(system, admin)
    report = await letters_of(admin).report()
    assert [(row["cause"], row["kind"], row["count"]) for row in report] == [
        ("boom", "event", 2),
        ("not_in_channel", "effect", 1),
    ]
    listed = await letters_of(admin).listing("not_in_channel", 10)
    assert [row["message"] for row in listed] == ["Invite the app"]


async def test_dead_letters_are_retried_by_id_cause_or_all(system, admin):
    event_id, effect_id = add_event(system, admin, state="dead"), add_dead_effect(system, admin)
    queue = Queue()
    by_id = await letters_of(admin).retry(Choice([str(effect_id)]), queue)
    assert (by_id.events, by_id.effects) == ([], [effect_id])
    assert system.sql("SELECT state, attempts FROM outbox") == [("pending", 0)]
    by_cause = await letters_of(admin).retry(Choice(cause="boom"), queue)
    assert by_cause.events == [event_id]
    assert [job.id for job in queue.jobs] == [str(event_id)]
    assert system.sql("SELECT state FROM inbound_events") == [("received",)]
    assert (await letters_of(admin).retry(Choice(everything=True), queue)).count == 0


async def test_dead_letters_are_discarded_with_a_reason(system, admin):
    add_event(system, admin, state="dead")
    effect_id = add_dead_effect(system, admin)
    letter = await letters_of(admin).show(str(effect_id))
    assert letter["missing"] == "a task's message, with all that belongs into its thread"
    discarded = await letters_of(admin).discard(Choice(everything=True), "old test data")
    assert discarded.count == 2
    assert discarded.missing == [letter["missing"]]
    assert system.sql("SELECT state FROM outbox UNION SELECT state FROM inbound_events") == [("discarded",)]
    (detail,) = system.sql("SELECT detail FROM audit_log WHERE action = 'dead_letters.discarded'")[0]
    assert detail == {"reason": "old test data", "events": 1, "effects": 1, "runs": 0}
    with pytest.raises(NotFound):
        await letters_of(admin).show("deadbeef")


async def test_naming_no_dead_letter_means_none(admin):
    with pytest.raises(UsageWrong, match="--cause CODE or --all"):
        await letters_of(admin).retry(Choice(), Queue())


async def test_a_wrong_master_key_is_one_sentence(system, monkeypatch):
    from oblivion_platform.crypto import generate_key

    monkeypatch.setenv("OBLIVION_MASTER_KEY", generate_key())
    with pytest.raises(CommandFailed, match=r"decryption_failed.*oblivion doctor"):
        async with open_admin(None) as admin:
            await admin.slack()


async def test_a_tenant_s_own_settings_are_shown_changed_and_given_up(system, admin):
    nothing = {"slack_streaming": None, "unknown_users": None, "retention_days": "30"}
    system.sql("UPDATE tenants SET settings = '{}'")
    assert await settings_of(admin.database, admin.tenant) == nothing
    await change_setting(admin.database, admin.tenant, ACTOR, "slack_streaming", "off")
    assert await settings_of(admin.database, admin.tenant) == nothing | {"slack_streaming": "off"}
    await change_setting(admin.database, admin.tenant, ACTOR, "slack_streaming", None)
    assert await settings_of(admin.database, admin.tenant) == nothing
    with pytest.raises(UsageWrong, match="may be: guest, refuse"):
        await change_setting(admin.database, admin.tenant, ACTOR, "unknown_users", "sometimes")
    with pytest.raises(UsageWrong, match="no setting"):
        await change_setting(admin.database, admin.tenant, ACTOR, "colour", "red")


async def test_how_long_bodies_are_kept_is_a_setting_of_the_tenant(system, admin):
    for value, kept in (("7", "7"), (None, "30")):
        await change_setting(admin.database, admin.tenant, ACTOR, "retention_days", value)
        assert (await settings_of(admin.database, admin.tenant))["retention_days"] == kept
    for wrong in ("0", "3651", "a week", "1e9", "\u0663"):
        with pytest.raises(UsageWrong, match="days, 1 to 3650"):
            await change_setting(admin.database, admin.tenant, ACTOR, "retention_days", wrong)
    new = NewTenant("brief", "Brief", retention_days=3)
    await create_tenant(admin.database, admin.access.master_keys, new, ACTOR)
    assert system.sql("SELECT retention_days FROM tenants WHERE slug = 'brief'") == [(3,)]
