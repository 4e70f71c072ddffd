"""What connecting stores, and that doing it again changes nothing."""

from oblivion_cli.admin import open_admin
from oblivion_cli.usecases.connect import SlackFacts
from oblivion_cli.usecases.vault import Vault
from oblivion_platform.clickup import WEBHOOK_EVENTS

LIVE = "SELECT kind, count(*) FROM signing_secrets WHERE state = 'live' GROUP BY kind"


async def test_a_fresh_system_is_connected_to_its_sandbox(system, admin):
    app = await system.sandbox.control.slack.app()
    (webhook,) = await system.sandbox.control.clickup.webhooks()
    rows = dict(system.sql("SELECT source, id FROM integrations WHERE state = 'active'"))
    assert app["request_url"] == f"{system.public_url}/webhooks/slack/{rows['slack']}"
    assert webhook["endpoint"] == f"{system.public_url}/webhooks/clickup/{rows['clickup']}"
    integration, slack = await admin.slack()
    assert (await slack.identity()).team_id == integration.external_id == app["team_id"]


async def test_starting_again_changes_nothing(system):
    before = system.sql("SELECT id FROM credentials UNION SELECT id FROM signing_secrets ORDER BY 1")
    await system.connect_sandbox()
    after = system.sql("SELECT id FROM credentials UNION SELECT id FROM signing_secrets ORDER BY 1")
    assert after == before
    assert len(await system.sandbox.control.clickup.webhooks()) == 1


async def test_a_new_address_moves_the_webhook_and_keeps_its_secret(system):
    before = system.sql("SELECT id FROM signing_secrets ORDER BY 1")
    system.public_url = "http://localhost:65000"
    await system.connect_sandbox()
    (webhook,) = await system.sandbox.control.clickup.webhooks()
    assert webhook["endpoint"].startswith("http://localhost:65000/webhooks/clickup/")
    assert system.sql("SELECT id FROM signing_secrets ORDER BY 1") == before
    assert system.sql("SELECT config ->> 'webhook_url' FROM integrations WHERE source = 'clickup'") == [
        (webhook["endpoint"],)
    ]


async def test_the_webhook_is_for_the_same_events_as_one_that_the_watchdog_makes(system):
    (webhook,) = await system.sandbox.control.clickup.webhooks()
    assert sorted(webhook["events"]) == sorted(WEBHOOK_EVENTS)


async def test_the_watchdog_learns_the_address_for_a_webhook_that_gets_lost(system):
    (webhook,) = await system.sandbox.control.clickup.webhooks()
    known = "SELECT config ->> 'webhook_url' FROM integrations WHERE source = 'clickup'"
    assert system.sql(known) == [(webhook["endpoint"],)]
    system.sql("UPDATE integrations SET config = config - 'webhook_url'")
    assert system.sql(known) == [(None,)]
    await system.connect_sandbox()
    assert system.sql(known) == [(webhook["endpoint"],)]


async def test_a_reset_sandbox_is_connected_anew_and_the_old_one_disabled(system):
    await system.sandbox.control.reset()
    await system.connect_sandbox()
    states = system.sql("SELECT source, state, count(*) FROM integrations GROUP BY 1, 2 ORDER BY 1, 2")
    assert states == [
        ("clickup", "active", 1),
        ("clickup", "disabled", 1),
        ("slack", "active", 1),
        ("slack", "disabled", 1),
    ]


async def test_what_is_connected_for_real_is_left_alone(system):
    await system.sandbox.control.reset()
    await system.connect_sandbox(real_ones=frozenset({"slack"}))
    assert system.sql("SELECT source FROM integrations ORDER BY created_at DESC LIMIT 1") == [("clickup",)]


async def test_no_token_or_secret_is_stored_in_plain_text(system):
    app = await system.sandbox.control.slack.app()
    owner = await system.sandbox.control.clickup.owner()
    (webhook,) = await system.sandbox.control.clickup.webhooks()
    tables = system.sql("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
    dump = str([system.sql(f"SELECT * FROM {table}") for (table,) in tables])
    assert len(tables) > 20
    assert app["team_id"] in dump
    for plain in (app["bot_token"], app["signing_secret"], owner["token"], webhook["secret"]):
        assert plain not in dump
        assert plain.encode().hex() not in dump


async def test_a_changed_signing_secret_replaces_the_old_one_unless_both_shall_live(system, admin):
    app = await system.sandbox.control.slack.app()
    facts = {"team_id": app["team_id"], "team_name": "T", "app_id": app["app_id"], "bot_token": "xoxb-new"}
    await admin.connector.connect_slack(SlackFacts(**facts, signing_secret="1" * 32, keep_old_secret=True))
    assert dict(system.sql(f"{LIVE}")) == {"signing_secret": 3}  # Slack's two, and ClickUp's.
    integration_id = await admin.connector.connect_slack(SlackFacts(**facts, signing_secret="2" * 32))
    async with admin.database.tenant(admin.tenant.id) as tx:
        vault = await Vault.open(tx, admin.tenant.id, admin.access.master_keys, admin.access.signing_keys)
        assert await vault.signing_secrets(integration_id) == ["2" * 32]
        assert await vault.credential(integration_id, "slack_bot_token") == "xoxb-new"


async def test_connecting_is_audited_without_secrets(system):
    actions = [row[0] for row in system.sql("SELECT action FROM audit_log ORDER BY at")]
    at_first = ["tenant.created", "slack.connected", "clickup.connected", "clickup.webhook_created"]
    assert actions == at_first + ["connection.created"] * (len(actions) - len(at_first))
    async with open_admin("default") as admin:
        assert admin.tenant.slug == "default"
