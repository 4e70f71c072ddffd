"""What the queue wrapper decides without a Redis."""

import pytest
from bullmq.custom_errors import UnrecoverableError

from oblivion_contracts.jobs import ProcessEvent
from oblivion_platform.queue import JobPolicy, decode_job


def test_data_that_is_no_job_is_not_retried_and_its_values_stay_out_of_the_message() -> None:
    with pytest.raises(UnrecoverableError, match="not a ProcessEvent: event_id, tenant_id, body") as refused:
        decode_job(ProcessEvent, {"event_id": "xoxb-canary", "body": "canary"})
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(("attempts_made", "least_ms"), [(1, 2_000), (2, 4_000), (3, 8_000)])
def test_delays_double_and_spread_by_up_to_half(attempts_made: int, least_ms: int) -> None:
    delays = {JobPolicy().delay_ms(attempts_made) for _ in range(200)}
    assert min(delays) >= least_ms
    assert max(delays) <= least_ms * 1.5
    assert len(delays) > 50, "failures must not come back together"
