"""One system for all of these tests; each talks in a channel of its own."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from oblivion_client import Configuration, Stop
from oblivion_sandbox.control import SandboxControl
from tests.agents.world import Talk, World
from tests.system import System

MODEL_SETTINGS = {"OBLIVION_LLM_TIMEOUT_SECONDS": "2", "OBLIVION_LLM_RETRIES": "2"}
"""So that a model's trouble shows within a test's patience."""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    folder = tmp_path_factory.mktemp("agents")
    system = System(folder / "home", MODEL_SETTINGS)
    try:
        await system.start()
        made = World(system, SandboxControl(system.sandbox_url))
        await made.look_around()
        async with _at_work(made, folder):
            yield made
        await made.control.aclose()
    finally:
        await system.stop()


@contextlib.asynccontextmanager
async def _at_work(world: World, folder: Path) -> AsyncGenerator[None]:
    """The keeper is registered and serves, over restarts of the system."""
    await world.system.command("agents", "create", "keeper", "--env", str(folder / ".env"))
    configuration = Configuration.find(folder, {"OBLIVION_HOME": str(world.system.home)})
    stop = Stop()
    serving = asyncio.create_task(world.keeper.agent.serve(configuration, stop))
    try:
        yield
    finally:
        stop.ask(0)
        await serving


@pytest_asyncio.fixture(loop_scope="package")
async def talk(world: World) -> Talk:
    return Talk(world, await world.control.slack.add_channel(f"talk-{uuid4().hex[:8]}"))
