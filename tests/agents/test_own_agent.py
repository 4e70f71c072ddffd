"""`oblivion agents new`: three minutes from nothing to an answer in Slack, with a real process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from oblivion_platform.testing import eventually
from tests.agents.world import World, run_in

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]

GREETING = 'return f"You said: {task.prompt}"'


class Own:
    """The folder that was written, and the agent that runs from it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.script = folder / "fixer.py"
        self.log = folder / "terminal.txt"
        self.environment = environment
        self._written = self.script.read_text()
        assert GREETING in self._written

    @property
    def terminal(self) -> str:
        return self.log.read_text()

    def answer_by(self, statement: str) -> None:
        """Change the handler's last line."""
        self.script.write_text(self._written.replace(GREETING, statement))

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncGenerator[None]:
        with self.log.open("wb") as terminal:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "fixer.py",
                cwd=self.folder,
                env={**self.environment, "OBLIVION_RELOAD": "1"},
                stdout=terminal,
                stderr=terminal,
            )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def own(world: World, tmp_path_factory: pytest.TempPathFactory) -> Own:
    folder = tmp_path_factory.mktemp("own") / "fixer"
    said = await world.system.command("agents", "new", "fixer", "--dir", str(folder))
    assert "python fixer.py" in said
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OBLIVION_")}
    return Own(folder, {**inherited, "OBLIVION_HOME": str(world.system.home)})


async def test_it_answers_reloads_and_its_exceptions_are_polite(world, own, talk):
    async with own.started():
        await talk.said(await talk.ask("fixer, hello"), "You said: fixer, hello")
        chat = await world.system.command("chat", "--agent", "fixer", "-m", "hello from here")
        assert "You said: hello from here" in chat

        own.answer_by('return f"You now said: {task.prompt}"')
        await eventually(lambda: "starting again" in own.terminal)
        await talk.said(await talk.ask("@fixer hello again"), "You now said: @fixer hello again")

        own.answer_by('raise OSError(f"a secret in: {task.prompt}")')
        await eventually(lambda: own.terminal.count("starting again") == 2)
        asked = await talk.ask("@fixer break")
        failed = await talk.said(asked, "Something went wrong inside the agent")
        assert "secret" not in str(failed)
        assert "OSError: a secret in: @fixer break" in own.terminal
        assert str(run_in(failed)) in own.terminal


async def test_its_own_test_passes_without_any_server(own, tmp_path):
    own.answer_by(GREETING)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        cwd=own.folder,
        env={**own.environment, "OBLIVION_HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "1 passed" in said.decode()
