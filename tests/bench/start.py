"""How soon a newcomer sees something: from nothing and from kept data to a running system, and the demo.

Each from the command's start to its end, or to the moment that the system says it is ready; the packages are
present. And from `oblivion agents new` to the new agent's first answer in Slack, as the quickstart has it, by
somebody who types fast.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from oblivion_platform.testing.polling import eventually
from oblivion_sandbox.control import SandboxControl
from tests.bench.figures import Figure, at_most
from tests.system import System

EMPTY_S, KEPT_S, DEMO_S, OWN_AGENT_S = 60.0, 10.0, 60.0, 180.0


async def measure() -> list[Figure]:
    """Start twice in one home, and play the demo on the second system."""
    with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
        system = System(Path(folder) / "home", {})
        try:
            empty_s = await _start(system)
            await system.stop()
            kept_s = await _start(system)
            begin = time.monotonic()
            await system.command("demo")
            demo_s = time.monotonic() - begin
            own_agent_s = await _own_agent(system, Path(folder) / "fixer")
        finally:
            await system.stop()
    return [
        at_most("oblivion up, from empty state", empty_s, "s", EMPTY_S),
        at_most("oblivion up, from kept state", kept_s, "s", KEPT_S),
        at_most("oblivion demo", demo_s, "s", DEMO_S),
        at_most("oblivion agents new, to its first answer", own_agent_s, "s", OWN_AGENT_S),
    ]


async def _own_agent(system: System, folder: Path) -> float:
    begin = time.monotonic()
    await system.command("agents", "new", "fixer", "--dir", str(folder))
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "fixer.py", cwd=folder, env=system.environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with SandboxControl(system.sandbox_url) as control:
            channel, app = await control.slack.add_channel("own-agent"), await control.slack.app()
            asked = await control.slack.post(channel, f"<@{app['bot_user_id']}> fixer, hello")

            async def answered() -> None:
                said = await control.slack.thread(channel, str(asked["ts"]))
                assert any("You said" in each["text"] for each in said if each.get("bot_id"))

            await eventually(answered, within_s=OWN_AGENT_S)
            return time.monotonic() - begin
    finally:
        agent.terminate()
        await agent.wait()


async def _start(system: System) -> float:
    begin = time.monotonic()
    await system.start()
    return time.monotonic() - begin
