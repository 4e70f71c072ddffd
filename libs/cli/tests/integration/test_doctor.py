"""Each fault is seeded in a connected system, and the doctor's sentence about it is read."""

import json
import socket
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.mappings import link_by_name
from oblivion_cli.doctor.examine import checks_for, examine, is_healthy
from oblivion_cli.doctor.finding import Check, Finding, Verdict
from oblivion_cli.doctor.machine import HomeDirectory, Keys, Port, Running, StoredSecrets
from oblivion_cli.doctor.outside import ClickUpConnection, IngestionReachable, SlackConnection
from oblivion_cli.doctor.patient import Patient, utc_now
from oblivion_cli.doctor.stores import PostgresAnswers, PostgresRole, RedisAnswers, Schema
from oblivion_cli.doctor.tools import ToolConnections
from oblivion_cli.doctor.work import DeadLettersWaiting, QueueConsumed
from oblivion_cli.usecases.connect import SlackFacts
from oblivion_contracts.connections import ConnectionHealth, NewConnection
from oblivion_contracts.mappings import MappingOptions
from oblivion_platform import connections
from oblivion_platform.crypto import generate_key
from oblivion_platform.database.engine import Database
from oblivion_platform.embedded.process import free_port
from oblivion_platform.feed import Feed, telling_breakers


@pytest.fixture
async def linked(system) -> None:
    async with open_admin(None) as admin:
        await link_by_name(admin, "Launch", "#launch", MappingOptions())


def patient_of(database: Database, **changes) -> Patient:
    """The system that the environment names now."""
    values = {"tenant_slug": None, "wanted_port": free_port(), "round_trips": False, "round_trip_s": 3.0}
    return Patient(Access.from_environment(), database, **(values | changes))


async def findings_of(check: Check, patient: Patient) -> list[Finding]:
    return [each.finding async for each in examine(patient, [check])]


async def complaint_of(check: Check, patient: Patient) -> str:
    """What the check complains of, as people read it: the sentence and the fix."""
    found = await findings_of(check, patient)
    bad = [each for each in found if each.verdict in (Verdict.FAILED, Verdict.WARNING)]
    assert len(bad) == 1, found
    assert bad[0].fix
    return f"{bad[0].verdict}: {bad[0].sentence} {bad[0].fix}"


async def test_a_well_system_is_called_healthy(cli_database, linked):
    patient = patient_of(cli_database, round_trips=True)
    examined = [each async for each in examine(patient, checks_for(patient))]
    assert is_healthy(examined), [each for each in examined if each.finding.verdict is Verdict.FAILED]
    assert any("came back from Slack" in each.finding.sentence for each in examined)


async def test_a_wrong_slack_signing_secret_shows_in_the_round_trip(system, cli_database, linked):
    await system.sandbox.control.slack.change_app(signing_secret="0" * 32)
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database, round_trips=True))
    assert "failed: A message did not come back" in complaint
    assert "signing secret is wrong" in complaint
    assert "oblivion slack connect --signing-secret" in complaint


async def test_a_round_trip_leaves_no_message_behind(system, cli_database, linked):
    await findings_of(SlackConnection(), patient_of(cli_database, round_trips=True))
    left = [each for each in await system.sandbox.control.slack.messages("launch") if not each["deleted"]]
    assert left == []


async def test_another_signing_key_than_ingestions_is_told(system, cli_database, linked, monkeypatch):
    system.sql("UPDATE signing_secrets SET state = 'retired' WHERE source = 'slack'")
    monkeypatch.setenv("OBLIVION_SIGNING_KEY", generate_key())
    async with open_admin(None) as admin:
        from oblivion_cli.usecases.vault import SigningSecret, Vault

        async with admin.database.tenant(admin.tenant.id) as tx:
            vault = await Vault.open(tx, admin.tenant.id, admin.access.master_keys, admin.access.signing_keys)
            (integration,) = [
                row[0] for row in system.sql("SELECT id FROM integrations WHERE source = 'slack'")
            ]
            app = await system.sandbox.control.slack.app()
            key = f"slack:{app['app_id']}:{app['team_id']}"
            await vault.keep_signing_secret(integration, SigningSecret("slack", key, app["signing_secret"]))
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database))
    assert "Ingestion refuses what is signed with the stored secret" in complaint
    assert "OBLIVION_SIGNING_KEY" in complaint


async def test_a_socket_mode_that_does_not_open_and_no_way_in_at_all_are_told(
    system, admin, cli_database, linked
):
    app = await system.sandbox.control.slack.app()
    facts = {
        "team_id": app["team_id"],
        "team_name": "T",
        "app_id": app["app_id"],
        "bot_token": app["bot_token"],
    }
    await admin.connector.connect_slack(SlackFacts(**facts, app_token="xapp-revoked"))
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database))
    assert "failed: Socket Mode cannot be opened" in complaint
    system.sql("UPDATE signing_secrets SET state = 'retired' WHERE source = 'slack'")
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database))
    assert "failed: Slack has no way to tell us anything" in complaint


async def test_a_workspace_that_is_mirrored_only_is_well_and_called_so(system, cli_database, linked):
    before = await findings_of(SlackConnection(), patient_of(cli_database))
    another_tenant_answers(system)
    mirrored = await findings_of(SlackConnection(), patient_of(cli_database, tenant_slug="default"))
    (said,) = [each for each in mirrored if each not in before]
    assert said.verdict is Verdict.OK
    assert "mirrored only" in said.sentence


def another_tenant_answers(system, state="active"):
    """The one that the sandbox was connected for, and `acme`, which shares its app."""
    system.sql("UPDATE integrations SET answers = false WHERE source = 'slack'")
    acme = uuid4()
    system.sql("INSERT INTO tenants (id, slug, name, state) VALUES (%s, 'acme', 'Acme', %s)", acme, state)
    system.sql(
        "INSERT INTO integrations (id, tenant_id, source, external_id, app_id, name)"
        " SELECT %s, %s, source, external_id, app_id, name FROM integrations WHERE source = 'slack'",
        uuid4(),
        acme,
    )


async def test_an_answering_tenant_that_is_suspended_is_told_with_the_way_out(system, cli_database, linked):
    another_tenant_answers(system, "suspended")
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database, tenant_slug="default"))
    assert "answered by the tenant acme, which is suspended: nobody answers" in complaint
    assert "Make acme active again" in complaint
    assert "`oblivion slack connect --tenant acme --mirror-only`" in complaint
    assert "`oblivion slack connect --tenant default`" in complaint


async def test_an_app_that_nobody_answers_for_is_told(system, cli_database, linked):
    system.sql("UPDATE integrations SET answers = false WHERE source = 'slack'")
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database))
    assert "warning: Nobody answers who speaks to the app" in complaint
    assert "`oblivion slack connect --tenant default`" in complaint


async def test_a_missing_scope_is_named_with_its_purpose(system, cli_database, linked):
    app = await system.sandbox.control.slack.app()
    granted = [scope for scope in app["scopes"] if scope != "channels:history"]
    await system.sandbox.control.slack.change_app(scopes=granted)
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database))
    assert "failed: Slack scopes are missing: channels:history (to hear replies in threads)." in complaint
    assert "reinstall the app" in complaint


async def test_an_app_that_is_not_invited_is_told_of_its_channel(system, cli_database, linked):
    await system.sandbox.control.slack.kick("launch")
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database))
    assert "failed: The app is not in #launch" in complaint
    assert "/invite @oblivion in #launch" in complaint


async def test_a_revoked_slack_token_is_told(system, cli_database, linked):
    await system.sandbox.control.slack.change_app(token_state="revoked")
    complaint = await complaint_of(SlackConnection(), patient_of(cli_database))
    assert "failed: Slack refuses auth.test" in complaint
    assert "oblivion slack connect" in complaint


async def test_a_suspended_webhook_is_told(system, cli_database):
    (webhook,) = await system.sandbox.control.clickup.webhooks()
    await system.sandbox.control.clickup.change_webhook(webhook["id"], status="suspended", fail_count=100)
    complaint = await complaint_of(ClickUpConnection(), patient_of(cli_database))
    assert "failed: ClickUp has suspended the webhook after 100 failed deliveries." in complaint


async def test_a_missing_webhook_is_told(system, cli_database):
    (webhook,) = await system.sandbox.control.clickup.webhooks()
    await system.sandbox.control.clickup.delete_webhook(webhook["id"])
    complaint = await complaint_of(ClickUpConnection(), patient_of(cli_database))
    assert "failed: ClickUp's webhook is gone" in complaint
    assert "oblivion clickup connect" in complaint


async def test_a_refused_clickup_token_is_told(system, cli_database):
    await system.sandbox.control.clickup.change_user("you", token_revoked=True)
    assert "failed: ClickUp refuses the token" in await complaint_of(
        ClickUpConnection(), patient_of(cli_database)
    )


@pytest.mark.parametrize(
    ("ahead_s", "verdict", "word"), [(600, "failed", "ahead of"), (-90, "warning", "behind")]
)
async def test_a_skewed_clock_is_told(system, cli_database, linked, ahead_s, verdict, word):
    patient = patient_of(cli_database, now=lambda: utc_now() + timedelta(seconds=ahead_s))
    complaint = await complaint_of(SlackConnection(), patient)
    assert complaint.startswith(f"{verdict}: This machine's clock is ")
    assert f"{word} Slack's" in complaint
    assert "NTP" in complaint


async def test_a_redis_that_is_down_is_told(cli_database, monkeypatch):
    monkeypatch.setenv("OBLIVION_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    complaint = await complaint_of(RedisAnswers(), patient_of(cli_database))
    assert "failed: Redis does not answer" in complaint
    assert "Nothing is lost" in complaint


async def test_a_postgres_that_is_down_is_told(system):
    database = Database.connect(f"postgresql://oblivion_cli:x@127.0.0.1:{free_port()}/oblivion")
    assert "failed: Postgres does not answer" in await complaint_of(PostgresAnswers(), patient_of(database))
    (unknown,) = await findings_of(DeadLettersWaiting(), patient_of(database))
    assert unknown.verdict is Verdict.SKIPPED
    await database.close()


async def test_a_read_only_postgres_is_told(system):
    system.sql(f"ALTER DATABASE {system.database.name} SET default_transaction_read_only = on")
    database = Database.connect(system.cli_url)
    complaint = await complaint_of(PostgresAnswers(), patient_of(database))
    await database.close()
    assert "failed: Postgres is read-only" in complaint
    assert "default_transaction_read_only" in complaint


async def test_a_migration_that_is_behind_is_told(system, cli_database):
    system.sql("UPDATE alembic_version SET version_num = '0000'")
    complaint = await complaint_of(Schema(), patient_of(cli_database))
    assert "failed: Migrations are behind: the schema is at 0000" in complaint
    assert "oblivion_platform.database.migrate" in complaint


async def test_a_privileged_role_is_told(system):
    database = Database.connect(system.database.admin_url)
    complaint = await complaint_of(PostgresRole(), patient_of(database))
    await database.close()
    assert "could read every tenant's rows" in complaint


async def test_a_master_key_that_opens_nothing_is_told(cli_database, monkeypatch):
    monkeypatch.setenv("OBLIVION_MASTER_KEY", generate_key())
    complaint = await complaint_of(StoredSecrets(), patient_of(cli_database))
    assert "failed: A stored secret cannot be opened with the keys that are set" in complaint
    assert "OBLIVION_MASTER_KEY" in complaint


async def test_no_way_out_to_slack_and_clickup_is_told(cli_database, monkeypatch):
    monkeypatch.setenv("OBLIVION_SLACK_API_URL", f"http://127.0.0.1:{free_port()}/api/")
    monkeypatch.setenv("OBLIVION_CLICKUP_API_URL", f"http://127.0.0.1:{free_port()}/api/v2")
    for check in (SlackConnection(), ClickUpConnection()):
        complaint = await complaint_of(check, patient_of(cli_database))
        assert "This machine may have no way out to it" in complaint
        assert "network, proxy" in complaint


async def test_an_ingestion_that_cannot_be_reached_is_told(cli_database, monkeypatch):
    monkeypatch.setenv("OBLIVION_PUBLIC_URL", f"http://127.0.0.1:{free_port()}")
    assert "failed: Ingestion does not answer" in await complaint_of(
        IngestionReachable(), patient_of(cli_database)
    )


async def test_a_taken_port_is_told(cli_database):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        complaint = await complaint_of(Port(), patient_of(cli_database, wanted_port=port))
    assert f"failed: Port {port} is taken by another program." in complaint
    assert "oblivion up --port" in complaint


async def test_a_damaged_key_file_and_open_permissions_are_told(system, cli_database, monkeypatch):
    monkeypatch.delenv("OBLIVION_DATABASE_URL")
    _write_secrets(system.home, master_key="tooshort")
    assert "failed: The master key" in await complaint_of(Keys(), patient_of(cli_database))
    _write_secrets(system.home, master_key=generate_key())
    assert "warning: Others on this machine may read" in await complaint_of(Keys(), patient_of(cli_database))


def _write_secrets(home: Path, *, master_key: str) -> None:
    home.mkdir(exist_ok=True)
    secrets = {"master_key": master_key, "signing_key": generate_key(), "passwords": {}}
    (home / "secrets.json").write_text(json.dumps(secrets))
    (home / "secrets.json").chmod(0o644)


async def test_a_system_that_does_not_run_is_told(system, cli_database, monkeypatch, tmp_path):
    monkeypatch.delenv("OBLIVION_DATABASE_URL")
    monkeypatch.setenv("OBLIVION_HOME", str(tmp_path / "nowhere"))
    assert "failed: Oblivion does not run here. Start it with `oblivion up`." in await complaint_of(
        Running(), patient_of(cli_database)
    )
    (home,) = await findings_of(HomeDirectory(), patient_of(cli_database))
    assert home.verdict is Verdict.SKIPPED


async def test_dead_letters_and_work_left_lying_are_told(system, cli_database):
    insert = """
        INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject, dedupe_key,
            priority, transport, received_at, state, failures)
        SELECT gen_random_uuid(), t.id, gen_random_uuid(), 'clickup', 'taskCreated', 'task:1', %s, 1, 'http',
            now() - interval '1 hour', %s, '[{"code": "clickup_not_found"}]' FROM tenants t
    """
    system.sql(insert, "a", "dead")
    system.sql(insert, "b", "received")
    dead = await complaint_of(DeadLettersWaiting(), patient_of(cli_database))
    assert "warning: 1 dead letter for a person to look at: 1 clickup_not_found." in dead
    system.sql("""
        WITH slack AS (
            INSERT INTO integrations (id, tenant_id, source, external_id)
            SELECT gen_random_uuid(), id, 'slack', 'T1' FROM tenants RETURNING id, tenant_id
        )
        INSERT INTO outbox (id, tenant_id, integration_id, destination, kind, payload, priority, state)
        SELECT gen_random_uuid(), tenant_id, id, 'slack:x', 'slack.run_answer', '{}', 1, 'dead'
        FROM slack, generate_series(1, 2)
    """)
    dead = await complaint_of(DeadLettersWaiting(), patient_of(cli_database))
    assert "Nobody sees until then: a run's answer in its thread" in dead
    assert "(2 times)" in dead
    lying = await complaint_of(QueueConsumed(), patient_of(cli_database))
    assert "failed: 1 event not handled, the oldest for 1 h." in lying
    assert "oblivion logs router-worker" in lying


async def test_a_tool_connection_that_failed_or_is_left_alone_is_told_with_the_fix(
    system, admin, cli_database
):
    patient = patient_of(cli_database)
    (well,) = await findings_of(ToolConnections(), patient)
    assert well.verdict is Verdict.OK
    async with admin.database.tenant(admin.tenant.id) as tx:
        new = NewConnection(provider="notion", name="notes", secret=SecretStr("canary"))
        keys = admin.access.master_keys
        made = await connections.create(tx, admin.tenant.id, admin.actor, new, keys)
        asked = ConnectionHealth(ok=False, detail="notes refused our\x1b[2J\ntoken.", at=utc_now())
        await connections.note_health(tx, made.id, asked)
    examined = [each async for each in examine(patient, [ToolConnections()])]
    complaint = await complaint_of(ToolConnections(), patient)
    assert is_healthy(examined)
    assert "warning: The connection notes failed when it was last asked, " in complaint
    assert "ago: notes refused our [2J token. " in complaint
    assert "`oblivion connections set notes --secret`" in complaint
    assert "`oblivion connections test notes`" in complaint
    async with admin.database.tenant(admin.tenant.id) as tx:
        await connections.note_health(tx, made.id, asked.model_copy(update={"ok": True}))
    feed = Feed(system.redis_url, "mcp-hub")
    telling_breakers(feed)(admin.tenant.id, "notes", "opened")
    await feed.close()
    complaint = await complaint_of(ToolConnections(), patient)
    assert "warning: The connection notes failed again and again, and is left alone for now." in complaint
    assert "`oblivion connections test notes`" in complaint


async def test_a_connection_that_nobody_signed_in_is_told_and_a_disabled_one_is_not(
    system, admin, cli_database
):
    async with admin.database.tenant(admin.tenant.id) as tx:
        new = NewConnection(provider="linear", name="issues", auth="oauth")
        made = await connections.create(tx, admin.tenant.id, admin.actor, new, admin.access.master_keys)
    complaint = await complaint_of(ToolConnections(), patient_of(cli_database))
    assert "warning: The connection issues cannot be used: Nobody has signed in yet. " in complaint
    assert "`oblivion connections connect issues`" in complaint
    system.sql("UPDATE mcp_connections SET state = 'disabled' WHERE id = %s", made.id)
    (well,) = await findings_of(ToolConnections(), patient_of(cli_database))
    assert well.verdict is Verdict.OK
