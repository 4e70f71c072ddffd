"""Commands in the documents exist as they are written: verbs, options, make targets, a new agent, tests."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from oblivion_cli.app import VERBS, make_app
from oblivion_cli.usecases.agent_files import agent_files
from oblivion_client import Agent, Run

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/**/*.md",
    "libs/*/README.md",
    "services/*/README.md",
    "infra/values/*.md",
)
COMMAND = re.compile(r"(?:^|[\s`])(?:\.venv/bin/)?oblivion ((?:[a-z][a-z-]*)(?: [^`\n|)]*)?)")
TARGET = re.compile(r"(?:^|[\s`])make ([a-z][a-z0-9-]+)")
PROMISES = "docs/reference/promises/*.md"
SHOWN_BY = re.compile(r"`((?:\.?[\w-]+/)+[\w.-]+\.[a-z]+)(?:::([^`]*))?`")
"""A file, by its path from the root, and the test of it that is named."""


def documents() -> Iterator[tuple[str, str]]:
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def code_of(text: str) -> Iterator[str]:
    """What stands in code: blocks, and words between backquotes."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"^ {4}\S.*$", text, re.MULTILINE)
    yield from re.findall(r"`[^`\n]+`", text)


def commands() -> list[tuple[str, str]]:
    return [
        (name, found.strip())
        for name, text in documents()
        for line in code_of(text)
        for found in COMMAND.findall(line)
        if found.split()[0] in VERBS
    ]


def verify(typed: str) -> None:
    """Follow the words through the verbs, and look each option up."""
    words = shlex.split(re.sub(r"[…\[\]]", "", typed), comments=True)
    command: Any = typer.main.get_command(make_app(words))
    for word in words:
        if hasattr(command, "commands") and not word.startswith("-"):
            assert word in command.commands, f"there is no `oblivion {typed}`"
            command = command.commands[word]
        elif word.startswith("-"):
            known = [o for p in command.params for o in (*p.opts, *p.secondary_opts)] + ["--help"]
            assert word.split("=")[0] in known, f"`oblivion {typed}` has no {word}"


@pytest.mark.parametrize(("document", "typed"), sorted(set(commands())))
def test_a_command_in_the_documents_is_one(document: str, typed: str) -> None:
    assert typed, document
    verify(typed)


def test_the_documents_hold_commands() -> None:
    found = {name for name, _ in commands()}
    assert {"README.md", "docs/install.md", "docs/write-an-agent/quickstart.md"} <= found


def test_make_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets |= {f"infra-{file.stem}" for file in ROOT.glob("infra/values/*.yaml")}
    named = {
        (name, found)
        for name, text in documents()
        for line in code_of(text)
        for found in TARGET.findall(line)
    }
    assert [(name, target) for name, target in sorted(named) if target not in targets] == []


def test_what_shows_a_promise_exists() -> None:
    named = {
        (path.stem, file, test)
        for path in ROOT.glob(PROMISES)
        for file, test in SHOWN_BY.findall(path.read_text("utf-8"))
    }
    assert {document for document, _, test in named if test} >= {"main-path", "agents", "tools", "kubernetes"}
    missing = [(document, file, test) for document, file, test in sorted(named) if not is_there(file, test)]
    assert missing == []


def is_there(file: str, test: str) -> bool:
    """Whether there is such a file, and such a test in it where one is named."""
    path = ROOT / file
    defined = rf"^(?:async )?def {re.escape(test)}\("
    return path.is_file() and (not test or re.search(defined, path.read_text("utf-8"), re.M) is not None)


def test_make_help_lists_the_targets_that_people_use() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = {line.split()[0] for line in shown.splitlines()}
    everyday = {"help", "setup", "run", "demo", "test", "check", "clean"}
    assert everyday | {"faults", "bench", "conformance", "test-browser", "deploy", "e2e"} <= listed


def test_the_quickstart_shows_the_agent_that_is_written() -> None:
    shown = (ROOT / "docs/write-an-agent/quickstart.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", shown, re.DOTALL)
    written = agent_files("fixer")["fixer.py"]
    assert [line for line in code.splitlines() if line] == [line for line in written.splitlines() if line]


def test_what_the_sdk_offers_stands_in_its_reference() -> None:
    reference = (ROOT / "docs/write-an-agent/reference.md").read_text()
    of_the_sdk_itself = {("agent", "use"), ("run", "mark_cancelled")}
    offered = {
        (kind.__name__.lower(), name)
        for kind in (Agent, Run)
        for name in vars(kind)
        if not name.startswith("_")
        and (callable(getattr(kind, name)) or isinstance(vars(kind)[name], property))
    }
    assert ("run", "ask_approval") in offered
    assert {
        f"{kind}.{name}" for kind, name in offered - of_the_sdk_itself if f"{kind}.{name}" not in reference
    } == set()


def test_each_verb_stands_in_the_reference() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text()
    missing = []
    for verb in VERBS:
        whole: Any = typer.main.get_command(make_app([verb]))
        inner = getattr(whole.commands[verb], "commands", None)
        names = [verb] if inner is None else [f"{verb} {name}" for name in inner]
        missing += [name for name in names if f"`{name}" not in reference]
    assert missing == []
