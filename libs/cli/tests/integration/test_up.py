"""`oblivion up` and the verbs on it, as processes: one system serves all of these tests, in order."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from oblivion_platform.embedded.process import free_port

UP_WITHIN_S = 90.0
DOWN_WITHIN_S = 60.0
pytestmark = pytest.mark.timeout(400)


@dataclass
class Up:
    """A running `oblivion up`."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    home: Path
    output: Path
    port: int

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.port}"

    def children(self) -> dict[str, psutil.Process]:
        """The services by their module, and the front."""
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # Gone since it was listed.
                line = child.cmdline()
                name = line[line.index("-m") + 1] if "-m" in line else child.name()
                found[name] = child
        return found


def oblivion(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "oblivion_cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=UP_WITHIN_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def wait_until(condition: Callable[[], object], within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in time"
        time.sleep(0.05)


def start(environment: dict[str, str], home: Path, port: int, *more: str) -> Up:
    output = home.parent / f"output-{time.monotonic_ns()}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "oblivion_cli", "up", "--port", str(port), *more],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    up = Up(process, environment, home, output, port)
    wait_until(lambda: process.poll() is not None or "Stop: Ctrl-C" in up.said, UP_WITHIN_S, "the banner")
    assert process.poll() is None, up.said
    return up


def stop(up: Up, how: signal.Signals = signal.SIGINT) -> None:
    if up.process.poll() is None:
        up.process.send_signal(how)
    up.process.wait(DOWN_WITHIN_S)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    root = tmp_path_factory.mktemp("up")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OBLIVION_")}
    environment |= {"OBLIVION_HOME": str(root / "home"), "COLUMNS": "200"}
    running = start(environment, root / "home", free_port())
    yield running
    stop(running)


def test_the_banner_says_where_everything_is(up):
    assert f"{up.base_url}/slack" in up.said
    assert f"{up.base_url}/clickup" in up.said
    assert str(up.home) in up.said
    assert "oblivion demo" in up.said
    assert "oblivion doctor" in up.said
    assert "starting the services and the squad" in up.said, "what goes on is told before the banner"


def test_a_start_from_nothing_warns_of_no_agent_and_no_tool(up):
    agents = json.loads((up.home / "squad.json").read_text())
    log = up.home / "logs" / "squad.log"
    wait_until(lambda: log.read_text().count(": connected to ") >= len(agents), UP_WITHIN_S, "the squad")
    for service in ("squad", "mcp-hub"):
        assert f"(oblivion logs {service})" not in up.said, up.said


def test_localhost_and_its_number_are_alike(up):
    for host in ("localhost", "127.0.0.1"):
        for page in ("slack", "clickup"):
            assert httpx.get(f"http://{host}:{up.port}/{page}", trust_env=False).status_code == 200


def test_secrets_are_for_the_owner_alone_and_never_in_the_logs(up):
    file = up.home / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets = json.loads(file.read_text())
    logged = "".join(log.read_text() for log in (up.home / "logs").glob("*.log")) + up.said
    for value in (secrets["master_key"], secrets["signing_key"], *secrets["passwords"].values()):
        assert value not in logged


def test_each_service_has_its_own_role_and_ingestion_no_master_key(up):
    children = up.children()
    ingestion = children["oblivion_ingestion"].environ()
    worker = children["oblivion_router_worker"].environ()
    assert "OBLIVION_MASTER_KEY" not in ingestion
    assert "OBLIVION_MASTER_KEY" in worker
    assert "//oblivion_ingestion:" in ingestion["OBLIVION_DATABASE_URL"]
    assert "//oblivion_router_worker:" in worker["OBLIVION_DATABASE_URL"]
    assert "OBLIVION_DATABASE_URL" not in children["oblivion_sandbox"].environ()


def test_a_second_up_says_that_it_already_runs(up):
    again = oblivion(up.environment, "up")
    assert again.returncode == 0
    assert f"already runs at {up.base_url}" in again.stdout


def test_the_demo_holds(up):
    demo = oblivion(up.environment, "demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "The story held" in demo.stdout
    steps = [line for line in demo.stdout.splitlines() if line.split()[:1] == ["ok"]]
    assert len(steps) > 10, "each step is told with the time that it took"
    assert all(re.search(r"\d+\.\d\d s$", line) for line in steps)
    link = next(word for word in demo.stdout.split() if "/slack/archives/" in word)
    assert httpx.get(link, follow_redirects=True, trust_env=False).status_code == 200


def test_the_verbs_speak_to_machines(up):
    (mapping,) = json.loads(oblivion(up.environment, "mappings", "list", "--json").stdout)
    assert (mapping["list"], mapping["channel"]) == ("Launch", "launch")
    assert json.loads(oblivion(up.environment, "tenants", "list", "--json").stdout)[0]["slug"] == "default"
    assert json.loads(oblivion(up.environment, "dead-letters", "report", "--json").stdout) == []
    event = json.loads(oblivion(up.environment, "events", "list", "--limit", "1", "--json").stdout)[0]
    shown = json.loads(oblivion(up.environment, "events", "show", event["id"], "--json").stdout)
    assert shown["id"] == event["id"]
    replayed = json.loads(oblivion(up.environment, "events", "replay", event["id"], "--json").stdout)
    assert replayed == {"replayed": [event["id"]], "purged": 0, "queued": True}


def test_tables_are_one_line_a_row_where_no_terminal_cuts_them(up):
    lines = oblivion(up.environment, "agents", "list").stdout.splitlines()
    assert lines[0].split()[:3] == ["Name", "State", "Online"]
    assert sorted(line.split()[:3] for line in lines[1:]) == [
        [name, "active", "1"] for name in ("analysis", "calendar", "general", "github", "notion", "tickets")
    ]
    (mapping,) = oblivion(up.environment, "mappings", "list").stdout.splitlines()[1:]
    assert "on mention" in mapping


def test_failures_are_one_sentence_the_fix_and_an_exit_code(up):
    missing = oblivion(up.environment, "events", "show", "0000ffff")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "There is no event '0000ffff'. See `oblivion events list`." in missing.stderr
    unknown = oblivion(up.environment, "mappings", "list", "--tenant", "nobody")
    assert unknown.returncode == 3
    nowhere = oblivion(up.environment | {"OBLIVION_HOME": str(up.home / "other")}, "tenants", "list")
    assert nowhere.returncode == 4
    assert "Oblivion does not run here. Start it with `oblivion up`" in nowhere.stderr
    assert oblivion(up.environment, "events", "list", "--limit", "0").returncode == 2
    assert oblivion(up.environment, "dead-letters", "retry").returncode == 2
    for each in (missing, unknown, nowhere):
        assert "Traceback" not in each.stderr


def test_slack_and_clickup_are_connected_by_flags_alone(up):
    app = httpx.get(f"{up.base_url}/slack/control/app", trust_env=False).json()
    slack = oblivion(
        up.environment,
        *("slack", "connect", "--sandbox", "--bot-token", app["bot_token"]),
        *("--signing-secret", app["signing_secret"], "--channel", "#launch"),
    )
    assert slack.returncode == 0, slack.stdout + slack.stderr
    assert "came back as an event" in slack.stdout
    owner = httpx.get(f"{up.base_url}/clickup/control/owner", trust_env=False).json()
    environment = up.environment | {"OBLIVION_CLICKUP_TOKEN": owner["token"]}
    clickup = oblivion(environment, "clickup", "connect", "--sandbox")
    assert clickup.returncode == 0, clickup.stdout + clickup.stderr
    assert "A signed probe was accepted" in clickup.stdout
    assert f"hangs on {owner['user']['username']}'s account" in clickup.stdout
    for said in (slack, clickup):
        for value in (app["bot_token"], app["signing_secret"], owner["token"]):
            assert value not in said.stdout + said.stderr


def test_connecting_says_which_check_failed_and_how_to_mend_it(up):
    def change_app(**changes: object) -> None:
        httpx.patch(f"{up.base_url}/slack/control/app", json=changes, trust_env=False).raise_for_status()

    app = httpx.get(f"{up.base_url}/slack/control/app", trust_env=False).json()
    connect = ("slack", "connect", "--sandbox", "--bot-token", app["bot_token"], "--channel", "launch")
    by_http = (*connect, "--signing-secret", app["signing_secret"])

    change_app(scopes=[scope for scope in app["scopes"] if scope != "chat:write"])
    scopes = oblivion(up.environment, *by_http)
    assert scopes.returncode == 1
    assert "The scope chat:write is missing (to post tasks, comments and answers)." in scopes.stdout
    assert "Nothing was stored." in scopes.stderr
    change_app(scopes=app["scopes"])

    wrong = oblivion(up.environment, *connect, "--signing-secret", "0" * 32, "--wait-s", "3")
    assert wrong.returncode == 1
    assert "did not come back as an event within 3 s" in wrong.stdout

    change_app(socket_mode=True)
    by_socket = oblivion(up.environment, *connect, "--app-token", app["app_token"])
    assert by_socket.returncode == 0, by_socket.stdout + by_socket.stderr
    assert "The app-level token opens Socket Mode." in by_socket.stdout
    change_app(socket_mode=False)
    assert oblivion(up.environment, *by_http).returncode == 0


def test_tokens_are_asked_for_only_where_somebody_can_answer(up):
    connect = oblivion(up.environment, "slack", "connect")
    assert connect.returncode == 2
    assert "--bot-token" in connect.stderr
    assert json.loads(connect.stdout)["settings"]["socket_mode_enabled"] is True
    refused = oblivion(
        up.environment, "slack", "connect", "--sandbox", "--bot-token", "xoxb-no", "--app-token", "xapp-no"
    )
    assert refused.returncode == 5
    assert "invalid_auth" in refused.stderr


def test_the_doctor_finds_a_fresh_system_well(up):
    assert oblivion(up.environment, "mappings", "link", "Launch", "#launch").returncode == 0
    doctor = oblivion(up.environment, "doctor", "--json", "--port", str(up.port))
    report = json.loads(doctor.stdout)
    assert doctor.returncode == 0, report
    assert report["healthy"] is True
    assert {each["verdict"] for each in report["findings"]} == {"ok"}


def test_a_killed_service_is_started_again_and_that_is_said(up):
    for module, name in (("oblivion_router_worker", "router-worker"), ("valkey-server", "redis")):
        victim = up.children()[module]
        victim.kill()
        wait_until(lambda name=name: f"{name} runs again" in up.said, UP_WITHIN_S, f"{name}'s return")
        assert up.children()[module].pid != victim.pid
    demo = oblivion(up.environment, "demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr


def test_a_real_slack_takes_the_place_of_the_stand_in_in_the_running_system(up):
    def ingestion() -> psutil.Process | None:
        return up.children().get("oblivion_ingestion")

    before = ingestion()
    assert before is not None
    assert "OBLIVION_SLACK_API_URL" in before.environ()
    (up.home / "real.json").write_text('["slack"]')
    up.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: before.is_running() is False and ingestion(), UP_WITHIN_S, "the change")
    after = ingestion()
    assert after is not None
    assert "OBLIVION_SLACK_API_URL" not in after.environ()
    refused = oblivion(up.environment, "demo")
    assert refused.returncode == 1
    assert "connected for real here" in refused.stderr
    (up.home / "real.json").unlink()
    up.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: after.is_running() is False and ingestion(), UP_WITHIN_S, "the change back")


def test_logs_are_shown_by_service(up):
    shown = oblivion(up.environment, "logs", "ingestion", "-n", "5")
    assert shown.returncode == 0
    assert '"service": "ingestion"' in shown.stdout
    unknown = oblivion(up.environment, "logs", "nobody")
    assert unknown.returncode == 3


def test_it_stops_cleanly_and_keeps_its_data_also_when_killed(up):
    children = list(up.children().values())
    stop(up)
    assert up.process.returncode == 0
    assert "its data is kept" in up.said
    assert not [child for child in children if child.is_running()]
    assert oblivion(up.environment, "mappings", "list").returncode == 4

    again = start(up.environment, up.home, up.port)
    children = list(again.children().values())
    (mapping,) = json.loads(oblivion(up.environment, "mappings", "list", "--json").stdout)
    assert mapping["channel"] == "launch"
    again.process.kill()
    again.process.wait(DOWN_WITHIN_S)
    wait_until(lambda: not [child for child in children if child.is_running()], 10, "the children's end")

    third = start(up.environment, up.home, up.port)
    try:
        assert json.loads(oblivion(up.environment, "mappings", "list", "--json").stdout)
    finally:
        stop(third, signal.SIGTERM)
    assert third.process.returncode == 0


def test_the_demo_starts_a_system_for_itself_where_none_runs(up, tmp_path):
    environment = up.environment | {"OBLIVION_HOME": str(tmp_path / "home")}
    demo = oblivion(environment, "demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert 'The list "Launch" is linked to #launch' in demo.stdout
    assert "The system is stopped again" in demo.stdout
    assert oblivion(environment, "tenants", "list").returncode == 4


def test_fresh_starts_over_only_when_that_is_confirmed_and_a_taken_port_is_left_to_its_holder(up):
    refused = oblivion(up.environment, "up", "--fresh")
    assert refused.returncode == 1
    secrets = (up.home / "secrets.json").read_text()
    with socket.create_server(("127.0.0.1", up.port)):
        again = start(up.environment, up.home, up.port, "--fresh", "--yes")
        try:
            assert f"http://localhost:{up.port}/" not in again.said
            assert json.loads(oblivion(up.environment, "mappings", "list", "--json").stdout) == []
            assert (up.home / "secrets.json").read_text() != secrets
        finally:
            stop(again)
