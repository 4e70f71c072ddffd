"""The schedules themselves: every part meets every harm, and a schedule that did nothing is not well."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random

from oblivion_sandbox.testing import running_sandbox
from tests.faults.beside import time_of
from tests.faults.load import FEWEST_ACTS, Place, Work
from tests.faults.schedule import HARMS, SECOND_HARMS, SECONDS, draw_schedule
from tests.faults.verdict import judge


def test_as_many_schedules_in_a_row_as_there_are_harms_hold_each_of_them() -> None:
    for first in (1, 1_000_003):
        drawn = [draw_schedule(first + n) for n in range(len(HARMS))]
        met = {(fault.victim, fault.harm) for schedule in drawn for fault in schedule.faults}
        assert met >= set(HARMS)


def test_every_other_schedule_has_second_replicas_and_each_harm_to_each_of_them_comes_in_turn() -> None:
    drawn = [draw_schedule(1 + n) for n in range(2 * len(SECOND_HARMS))]
    assert [schedule.is_doubled for schedule in drawn] == [False, True] * len(SECOND_HARMS)
    single, doubled = (
        {(fault.victim, fault.harm) for each in drawn[first::2] for fault in each.faults} for first in (0, 1)
    )
    assert not any(victim in SECONDS for victim, _ in single)
    assert set(SECOND_HARMS) <= doubled


def test_every_third_schedule_delivers_by_socket_mode_with_second_replicas_and_without() -> None:
    drawn = [draw_schedule(seed) for seed in range(1, 21)]
    by_socket = [schedule for schedule in drawn if schedule.by_socket]
    assert [schedule.seed for schedule in by_socket] == [3, 6, 9, 12, 15, 18]
    assert {schedule.is_doubled for schedule in by_socket} == {True, False}


def test_a_schedule_has_two_to_four_faults() -> None:
    assert {len(draw_schedule(seed).faults) for seed in range(200)} == {2, 3, 4}


def test_a_seed_draws_the_same_schedule_again() -> None:
    assert draw_schedule(7) == draw_schedule(7)


async def test_a_schedule_in_which_too_little_was_done_is_not_well(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox:
        list_id = await sandbox.control.clickup.add_list("quiet")
        channel = await sandbox.control.slack.add_channel("quiet")
        work = Work(sandbox.control, Place(list_id, channel, channel, "U0"), Random(1))
        assert not (await judge(sandbox.control, work, {})).clean
        work.done = FEWEST_ACTS
        assert (await judge(sandbox.control, work, {})).clean


async def test_a_deletion_that_does_not_show_is_lost(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox:
        clickup, slack = sandbox.control.clickup, sandbox.control.slack
        place = Place(await clickup.add_list("busy"), await slack.add_channel("busy"), "", "U0")
        work = Work(sandbox.control, place, Random(1), done=FEWEST_ACTS)
        task = await clickup.create_task(place.list_id, "task0001x")
        work.names[task["id"]] = ["task0001x"]
        place.questions = await slack.add_channel("questions")
        assert (await judge(sandbox.control, work, {})).lost
        await clickup.delete_task(task["id"])
        assert (await judge(sandbox.control, work, {})).clean


def test_lines_of_both_kinds_of_logs_tell_when_they_were_written() -> None:
    noon = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
    assert time_of('{"timestamp": "2026-11-22T12:00:00.250000Z"}') == noon.timestamp()
    assert time_of(f"{noon.astimezone():%Y-%m-%d %H:%M:%S},250 INFO    connected") == noon.timestamp()
    assert time_of("no time at all") == 0
