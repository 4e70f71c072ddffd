"""Rules that stand twice because the SDK depends on nothing of ours but the contracts: they stay the same."""

import inspect

import oblivion_client.tasks
import oblivion_platform.tasks


def test_tasks_end_in_the_sdk_as_they_do_in_the_services() -> None:
    ours, the_sdks = (
        inspect.getsource(each.end) for each in (oblivion_platform.tasks, oblivion_client.tasks)
    )
    assert the_sdks == ours
