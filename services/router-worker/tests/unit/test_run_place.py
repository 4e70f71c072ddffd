"""Where a run is shown."""

from dataclasses import fields

from oblivion_platform.runs import HIDDEN, PLACE_KEYS
from oblivion_router_worker.domain.run_place import RunPlace

OF_THIS_RUN = {"progress_ts", "progress_at"}


def test_a_retry_keeps_all_that_a_run_s_place_says_from_the_start():
    assert {each.name for each in fields(RunPlace)} - OF_THIS_RUN == set(PLACE_KEYS) - {HIDDEN}
