"""An agent whose work takes its time, so that something of it is always there to be interrupted.

    python -m tests.faults.agent        AGENT_ID, AGENT_SECRET and OBLIVION_URI from the environment

A task reads `<deed> <mark>`. The answer repeats the mark and names the fence under which it was given:
whoever reads it sees whether it came from the run's last holder.
"""

import asyncio

from oblivion_client import Agent, Run, TaskAssigned

NAME = "steady"
STEPS = 8
STEP_S = 0.5
STORED_AFTER = (3, 6)
"""Steps after which a hold stores where it is."""
MAY_I = "May I go on with this?"
"""What it asks a person."""

agent = Agent(NAME, concurrency=50, drain_s=5.0)


@agent.on_task()
async def work(task: TaskAssigned, run: Run) -> str:
    *_, deed, mark = ["", *task.prompt.split()]
    if deed == "propose":
        done = await _propose(run)
    elif deed == "delegate":
        done = await _delegate(run, mark)
    else:
        done = await _hold(run)
    return f"{done} {mark} (fence {task.fence})"


async def _hold(run: Run) -> str:
    for step in range(run.restored or 0, STEPS):
        await run.progress(100 * step // STEPS, f"step {step + 1} of {STEPS}")
        await asyncio.sleep(STEP_S)
        if step + 1 in STORED_AFTER:
            await run.checkpoint(step + 1)
    return "Held"


async def _propose(run: Run) -> str:
    answer = await run.ask_approval(MAY_I)
    return "Was allowed" if answer.approved else "Was not allowed"


async def _delegate(run: Run, mark: str) -> str:
    """The other one's answer has the mark, too, and is not shown by itself."""
    told = await run.delegate(mark, agent="general")
    return "Was told" if mark in (told.answer or "") else "Was told nothing about"


if __name__ == "__main__":
    agent.run(reload=False)
