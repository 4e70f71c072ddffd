"""What people and machines read: the banner, warnings, ids, the manifest, the help."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import typer

from oblivion_cli.app import VERBS, make_app
from oblivion_cli.console import counted, print_rows
from oblivion_cli.errors import ExitCode, NotFound, UsageWrong
from oblivion_cli.up.banner import Links, banner, program_name
from oblivion_cli.up.logs import ServiceLog, loud_part
from oblivion_cli.up.services import child_environment
from oblivion_cli.usecases.events import age
from oblivion_cli.usecases.ids import check_prefix, the_one
from oblivion_cli.usecases.manifest import REQUIRED_SCOPES, app_manifest, missing_scopes
from oblivion_cli.usecases.mappings import Place, choose_place

LINKS = Links("http://localhost:8300", "http://localhost:8300/auth/dev?code=1")


def test_the_banner_is_the_designs():
    lines = banner(LINKS, Path.home() / ".local/share/oblivion", None, 8.31).splitlines()
    assert lines[0] == "Oblivion is up" + " " * 47 + "8.3 s"
    assert "  File a task           http://localhost:8300/clickup        (sandbox ClickUp)" in lines
    assert (
        "  Data                  ~/.local/share/oblivion              "
        "(kept; `oblivion up --fresh` starts over)" in lines
    )
    assert "  Watch                 http://localhost:8300/auth/dev?code=1  (one-time sign-in link)" in lines
    assert "  API                   http://localhost:8300/docs" in lines
    assert "  Model                 sandbox (no key)" in lines
    assert lines[-1] == "Try it: oblivion demo      Stop: Ctrl-C      Something wrong: oblivion doctor"


def test_the_banner_names_the_program_by_its_path_where_a_name_would_not_find_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [".venv/bin/oblivion", "up"])
    assert program_name() == ".venv/bin/oblivion"
    lines = banner(LINKS, Path("/x"), None, 1.0, program_name()).splitlines()
    assert lines[-1].startswith("Try it: .venv/bin/oblivion demo ")
    (tmp_path / "oblivion").touch(mode=0o755)
    assert program_name() == "oblivion"


def test_the_banner_names_the_model_of_choice():
    assert "  Model                 openai:gpt-5-mini" in banner(LINKS, Path("/x"), "openai:gpt-5-mini", 1.0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"level": "warning", "message": "redis is away"}', "redis is away"),
        ('{"level": "error", "message": "x", "service": "ingestion"}', "x"),
        (
            '{"level": "warning", "event": "general: the server is away", "logger": "x"}',
            "general: the server is away",
        ),
        (
            '{"level": "warning", "message": "tools withdrawn", "connection": "notes", "code": "server_away",'
            ' "reason": "notes does not answer.", "service": "mcp-hub"}',
            "tools withdrawn (connection notes): notes does not answer.",
        ),
        ('{"level": "error", "message": "sweep_failed", "code": "store_away"}', "sweep_failed: store_away"),
        ('{"level": "warning", "message": "x", "reason": "a\\u001b[2Jb\\nc"}', "x: a [2Jb c"),
        ('{"level": "info", "message": "service started"}', None),
        ('{"level": "warn", "msg": "admin endpoint disabled"}', None),
        ("Traceback (most recent call last):", None),
        ('{"level": "warning"', None),
        ("[1]", None),
    ],
)
def test_warnings_and_errors_reach_the_terminal_and_nothing_else(line, said):
    assert loud_part(line) == said


def test_a_row_stays_one_line_where_no_terminal_shows_it(capsys):
    cells = {"name": "x" * 200, "what": "many words " * 30}
    print_rows([cells, cells], {"name": "Name", "what": "What"}, nothing="")
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(("number", "said"), [(0, "0 events"), (1, "1 event"), (2, "2 events")])
def test_one_of_something_is_one(number, said):
    assert counted(number, "event") == said


def test_everything_reaches_the_file_and_a_repeated_warning_the_terminal_once(tmp_path):
    warnings: list[str] = []
    log = ServiceLog(tmp_path, "ingestion", warnings.append)
    for _ in range(3):
        log.write('{"level": "warning", "message": "redis is away"}')
    log.write("plain")
    log.close()
    assert (tmp_path / "ingestion.log").read_text().splitlines()[-1] == "plain"
    assert warnings == ["ingestion: redis is away  (oblivion logs ingestion)"]


@pytest.mark.parametrize(
    "secret",
    [
        "OBLIVION_MASTER_KEY",
        "OBLIVION_SIGNING_KEYS_PREVIOUS",
        "OBLIVION_DATABASE_URL",
        "OBLIVION_REDIS_URL",
        "OBLIVION_SLACK_BOT_TOKEN",
        "OBLIVION_SLACK_SIGNING_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASSWORD",
        "GITHUB_TOKEN",
    ],
)
def test_a_child_inherits_no_secret(monkeypatch, secret):
    monkeypatch.setenv(secret, "secret")
    assert secret not in child_environment(PORT="1")


@pytest.mark.parametrize(
    "name",
    ["OBLIVION_SWEEP_EVERY_S", "OBLIVION_HEALTH_TOKEN", "PATH", "LC_ALL", "https_proxy", "SSL_CERT_FILE"],
)
def test_a_child_inherits_tuning_and_how_the_machine_is_set_up(monkeypatch, name):
    monkeypatch.setenv(name, "2")
    environment = child_environment(PORT="1")
    assert (environment[name], environment["PORT"]) == ("2", "1")


def test_ids_may_be_shortened_but_not_guessed():
    assert check_prefix(" ABCD-1 ") == "abcd-1"
    for typed in ("abc", "hello", "%%%%", ""):
        with pytest.raises(UsageWrong):
            check_prefix(typed)
    row = Place(uuid4(), "1", "x")
    with pytest.raises(NotFound):
        the_one([], "event", "abcd", "oblivion events list")
    with pytest.raises(UsageWrong, match="Give more of the id"):
        the_one([row, row], "event", "abcd", "oblivion events list")


def test_a_name_that_several_have_must_be_told_by_id():
    integration = uuid4()
    places = [
        Place(integration, "1", "Launch"),
        Place(integration, "2", "launch"),
        Place(integration, "3", "x"),
    ]
    assert choose_place("list", "2", places).id == "2"
    assert choose_place("channel", "#X", places).id == "3"
    with pytest.raises(Exception, match="1, 2"):
        choose_place("list", "Launch", places)


def test_the_manifest_asks_for_every_scope_that_is_checked():
    manifest = app_manifest(None)
    assert set(manifest["oauth_config"]["scopes"]["bot"]) >= set(REQUIRED_SCOPES)
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in json.dumps(manifest)
    by_http = app_manifest("https://example.com/webhooks/slack")["settings"]
    assert by_http["socket_mode_enabled"] is False
    assert by_http["event_subscriptions"]["request_url"] == "https://example.com/webhooks/slack"
    assert set(missing_scopes(frozenset(REQUIRED_SCOPES) - {"chat:write"})) == {"chat:write"}


@pytest.mark.parametrize(
    ("seconds", "told"), [(5, "5 s"), (61, "1 min"), (7200, "2 h"), (200_000, "2 d"), (-3, "0 s")]
)
def test_ages_are_told_in_the_largest_unit(seconds, told):
    now = datetime.now(UTC)
    assert age(now - timedelta(seconds=seconds), now) == told


@pytest.mark.parametrize(
    ("verbs", "heavy"),
    [
        (["logs"], {"psycopg", "sqlalchemy", "aiohttp"}),
        (["tenants", "mappings", "events", "dead-letters"], {"aiohttp", "slack_sdk", "bullmq", "redis"}),
    ],
)
def test_a_verb_starts_without_what_it_does_not_need(verbs, heavy):
    program = "import sys; from oblivion_cli.app import make_app\n"
    program += f"for verb in {verbs}: make_app([verb])\n"
    program += "print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & set(loaded.stdout.split())


def test_help_names_every_verb():
    shown = subprocess.run(
        [sys.executable, "-m", "oblivion_cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert all(f" {verb} " in shown.stdout for verb in VERBS)


@pytest.mark.parametrize(
    "verb", ["doctor", "slack", "clickup", "tenants", "mappings", "events", "dead-letters"]
)
def test_verbs_that_tell_something_tell_it_to_machines_too(verb):
    told = typer.main.get_command(make_app([verb])).commands[verb]
    commands = getattr(told, "commands", {verb: told})
    commands.pop("manifest", None)  # It is a JSON document in any case.
    assert commands
    silent = [
        name for name, each in commands.items() if "--json" not in {o for p in each.params for o in p.opts}
    ]
    assert silent == []


def test_every_verb_and_exit_code_is_in_the_reference():
    reference = Path(__file__).parents[4] / "docs" / "reference" / "cli.md"
    page = reference.read_text()
    for group in make_app([]).registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__.rstrip("_")
            assert f"`{group.name} {name}" in page
    for code in ExitCode:
        assert f"| {int(code)} |" in page
