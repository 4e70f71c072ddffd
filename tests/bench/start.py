"""How soon a newcomer sees something: from nothing and from kept data to a running system, and the demo.

Each from the command's start to its end, or to the moment that the system says it is ready; the packages are
present.
"""

import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, at_most
from tests.system import System

EMPTY_S, KEPT_S, DEMO_S = 60.0, 10.0, 60.0


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
        finally:
            await system.stop()
    return [
        at_most("oblivion up, from empty state", empty_s, "s", EMPTY_S),
        at_most("oblivion up, from kept state", kept_s, "s", KEPT_S),
        at_most("oblivion demo", demo_s, "s", DEMO_S),
    ]


async def _start(system: System) -> float:
    begin = time.monotonic()
    await system.start()
    return time.monotonic() - begin
