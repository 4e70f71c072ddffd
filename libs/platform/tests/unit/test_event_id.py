"""The same happening always gets the same id."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from oblivion_platform.event_id import bounded_key, event_id, slack_message_key

TENANT = UUID(int=1)


def test_the_id_is_the_same_in_every_process_and_version() -> None:
    assert event_id(TENANT, "slack", "T1:C1:1.2") == UUID("bb74a2a0-622b-5086-8058-c3e6b6deeb2d")


@given(key=st.text(max_size=300))
def test_tenant_and_source_tell_ids_apart(key: str) -> None:
    ids = {
        event_id(TENANT, "slack", key),
        event_id(UUID(int=2), "slack", key),
        event_id(TENANT, "clickup", key),
    }
    assert len(ids) == 3


@given(keys=st.sets(st.text(max_size=400), min_size=2, max_size=2))
def test_bounding_never_merges_two_keys(keys: set[str]) -> None:
    bounded = {bounded_key(key) for key in keys}
    assert len(bounded) == 2
    assert all(len(key) <= 200 for key in bounded)


def test_a_message_is_known_by_team_channel_and_ts() -> None:
    assert slack_message_key("T1", "C1", "1.2") == "T1:C1:1.2"
