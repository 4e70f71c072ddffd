"""Run seeded fault schedules and print what was lost, duplicated, stuck or went backwards.

    python -m tests.faults [--seed 1] [--schedules 20]

Schedule n has the seed `--seed` + n; a failing one is played again by `--seed THAT --schedules 1`. Writes
build/faults.json and exits with 1 unless every count is 0.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from oblivion_platform.testing.polling import eventually
from oblivion_sandbox.control import SandboxControl
from tests.faults import agent
from tests.faults.beside import SystemAndMore
from tests.faults.load import Place, Work
from tests.faults.patience import Patience
from tests.faults.runs import read_runs
from tests.faults.schedule import LOAD_S, Misbehaviour, Schedule, draw_schedule
from tests.faults.verdict import Verdict, conversations, judge, questions_in
from tests.faults.watch import Watch
from tests.settling import delivered, given_up, settled
from tests.system import SystemFailed

QUICK = {
    "OBLIVION_SANDBOX_RETRY_SCALE": "0.01",
    "OBLIVION_SANDBOX_LIMITS_SCALE": "0",
    "OBLIVION_HTTP_TIMEOUT_S": "2",
    "OBLIVION_WORKER_LOCK_S": "3",
    "OBLIVION_SWEEP_OVERDUE_S": "1",
    "OBLIVION_PARK_FIRST_S": "0.2",
    "OBLIVION_PARK_MAX_S": "2",
    "OBLIVION_EVENT_BACKOFF_S": "0.2",
    "OBLIVION_CLICKUP_LAG_S": "3",
    "OBLIVION_WATCH_EVERY_S": "1",
    "OBLIVION_BLIND_AFTER_S": "4",
    "OBLIVION_GAP_OVERLAP_S": "10",
    "OBLIVION_READ_EVERY_S": "20",
    "OBLIVION_REVIVE_AFTER_S": "3",
    "OBLIVION_REVIVE_EVERY_S": "1",
    "OBLIVION_RUN_LEASE_S": "6",
    "OBLIVION_RUN_HEARTBEAT_S": "1",
    "OBLIVION_RUN_GRACE_S": "6",
    "OBLIVION_AGENT_WAIT_S": "1",
    "OBLIVION_USER_REQUESTS_PER_MINUTE": "10000",
    "OBLIVION_TENANT_REQUESTS_PER_MINUTE": "10000",
    "OBLIVION_SLACK_POSTS_PER_CHANNEL_S": "1000",
    "OBLIVION_SLACK_POSTS_BURST": "1000",
    "OBLIVION_SLACK_CHANGES_PER_MINUTE": "60000",
    "OBLIVION_SLACK_CHANGES_BURST": "1000",
}
"""Periods and timeouts that let a schedule end in seconds; see docs/reference/settings.md."""

STUCK_AFTER_S = float(QUICK["OBLIVION_RUN_LEASE_S"]) + 5.0
"""Of waiting, while a gateway, the worker and an agent are there."""
REPORT = Path("build/faults.json")
SETTLED_WITHIN_S = 150.0
SETTLED_POLLS = 10
"""Quiet polls in a row that count as settled: long enough for the watchdog to look twice."""


async def main(seed: int, schedules: int) -> int:
    """Exit code 1 when any schedule lost, doubled or left anything."""
    REPORT.parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="oblivion-faults-"))
    verdicts: dict[int, Verdict] = {}
    system = SystemAndMore(folder / "home", QUICK)
    try:
        for each in range(seed, seed + schedules):
            await system.start()
            verdicts[each] = await run_schedule(system, draw_schedule(each))
            await system.stop()
    finally:
        await system.stop()
    failed = report(verdicts)
    if failed:
        print(f"logs and data are kept in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if failed else 0


async def run_schedule(system: SystemAndMore, schedule: Schedule) -> Verdict:
    """Load and faults side by side, then recovery, then the count."""
    started = time.monotonic()
    print(f"seed {schedule.seed}: {schedule}", flush=True)
    await system.stand_by(is_doubled=schedule.is_doubled)
    async with SandboxControl(system.sandbox_url, timeout_s=3.0) as control:
        place = await _linked_place(system, control, f"faults-{schedule.seed}-{random.randrange(16**6):06x}")
        # What an earlier schedule had no use for would spoil this one, and none could be played again alone.
        for side in (control.slack, control.clickup):
            await side.behave()
        await _choose_way_in(system, control, by_socket=schedule.by_socket)
        for rule in schedule.misbehaviours:
            await _misbehave(control, rule, schedule.seed)
        work = Work(control, place, random.Random(schedule.seed))
        patience = Patience(STUCK_AFTER_S)
        async with Watch(system, patience, place.began_at).kept():
            stuck = await _suffer(system, schedule, work)
        await work.rest()
        verdict = await judge(control, work, stuck)
        asked = questions_in(await conversations(control, place))
        runs = await read_runs(system.database_url(), place.began_at)
        verdict.add_runs(runs, asked, patience)
        verdict.acknowledged = await delivered(control)
    again, halted = sum(run.fence > 1 for run in runs), sum(run.state == "cancelled" for run in runs)
    done = (
        f"{work.done} acts, {len(runs)} runs ({again} given again, {halted} stopped), {patience.looks} looks"
    )
    _tell(verdict, done, time.monotonic() - started)
    return verdict


async def _suffer(system: SystemAndMore, schedule: Schedule, work: Work) -> dict[str, int]:
    """Work and faults, and all that follows; what waits in the end is stuck."""
    before = await given_up(work.control)
    await asyncio.gather(work.go_on(), _inflict(system, schedule))
    ended_at = datetime.now(UTC)
    wait = partial(settled, system.unsettled, work.control, within_s=SETTLED_WITHIN_S, polls=SETTLED_POLLS)
    stuck = await wait()
    if work.removed_unheard or await given_up(work.control) > before:
        # What senders gave up, or never told, is shown once the lists and channels have been read.
        stuck |= await wait(read_since=ended_at)
    return stuck


def _tell(verdict: Verdict, done: str, took_s: float) -> None:
    print(
        f"  {'ok' if verdict.clean else 'FAILED'}: {done}, {len(verdict.lost)} lost, "
        f"{len(verdict.duplicated)} duplicated, {sum(verdict.stuck.values())} stuck, "
        f"{len(verdict.disordered)} disordered, {took_s:.0f} s",
        flush=True,
    )
    for what in ("lost", "duplicated", "stuck", "disordered"):
        if names := getattr(verdict, what):
            print(f"    {what}: {names}", flush=True)


async def _choose_way_in(system: SystemAndMore, control: SandboxControl, *, by_socket: bool) -> None:
    """How Slack delivers; by socket, once one is open."""

    async def connected() -> None:
        assert await control.slack.socket_connections() > 0

    app = await control.slack.change_app(socket_mode=by_socket)
    if by_socket:
        tokens = ("--bot-token", app["bot_token"], "--app-token", app["app_token"])
        secret = ("--signing-secret", app["signing_secret"], "--keep-old-secret")
        await system.command("slack", "connect", "--sandbox", *tokens, *secret)
        await eventually(connected)


async def _misbehave(control: SandboxControl, rule: Misbehaviour, seed: int) -> None:
    side = control.slack if rule.side == "slack" else control.clickup
    await side.misbehave(
        rule.match, rule.action, probability=rule.probability, seed=seed, retry_after=1, times=20
    )


async def _linked_place(system: SystemAndMore, control: SandboxControl, name: str) -> Place:
    list_id = await control.clickup.add_list(name)
    channel = await control.slack.add_channel(name)
    questions = await control.slack.add_channel(f"{name}-ask")
    await system.command("mappings", "link", name, f"#{name}")
    bot = str((await control.slack.app())["bot_user_id"])
    return Place(list_id, channel, questions, bot, await control.slack.dm(), agent.NAME)


async def _inflict(system: SystemAndMore, schedule: Schedule) -> None:
    """Each fault at its time, side by side, all undone before this returns."""

    async def at_its_time(fault_index: int) -> None:
        fault = schedule.faults[fault_index]
        await asyncio.sleep(fault.at_s)
        await system.inflict(fault)

    await asyncio.gather(
        *(at_its_time(index) for index in range(len(schedule.faults))), asyncio.sleep(LOAD_S)
    )


def report(verdicts: dict[int, Verdict]) -> list[int]:
    """Print the table, write build/faults.json, return the seeds that failed."""
    failed = [seed for seed, verdict in verdicts.items() if not verdict.clean]
    figures = {
        "schedules": len(verdicts),
        # The sandbox keeps its deliveries over the whole run, so the newest count holds all.
        "acknowledged": max((verdict.acknowledged for verdict in verdicts.values()), default=0),
        "lost": sum(len(verdict.lost) for verdict in verdicts.values()),
        "duplicated": sum(len(verdict.duplicated) for verdict in verdicts.values()),
        "stuck": sum(sum(verdict.stuck.values()) for verdict in verdicts.values()),
        "disordered": sum(len(verdict.disordered) for verdict in verdicts.values()),
        "seeds": sorted(verdicts),
    }
    REPORT.write_text(json.dumps(figures, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:>13}  {value if name != 'seeds' else f'{min(value)}-{max(value)}'}")
    if failed:
        print(f"failed seeds: {failed}")
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schedules", type=int, default=20)
    arguments = parser.parse_args()
    try:
        sys.exit(asyncio.run(main(arguments.seed, arguments.schedules)))
    except SystemFailed as failure:
        sys.exit(str(failure))
