"""Group commit: many requests, few transactions; one bad row fails alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from oblivion_ingestion.adapters.inbox import GroupCommitInbox, InboxLimits
from oblivion_ingestion.domain.deliveries import EventFacts, InboundEvent
from oblivion_ingestion.errors import DeliveryMalformed, StoreUnavailable
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.testing import World
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


def event(number: int, **fields: Any) -> InboundEvent:
    facts = EventFacts("message", f"thread:C1:{number}", f"key-{number}", 1)
    whole = InboundEvent(
        UUID(int=number), uuid4(), uuid4(), "slack", facts, "http", "application/json", b"\x00\xff body", "00"
    )
    return whole._replace(**fields)


@pytest.fixture
async def inbox(world: World) -> AsyncIterator[GroupCommitInbox]:
    opened = GroupCommitInbox(world.database.url("oblivion_ingestion"), InboxLimits(), Metrics())
    opened.start()
    await eventually(lambda: opened.available)
    yield opened
    await opened.close()


def sample(inbox: GroupCommitInbox, name: str) -> float:
    return inbox.metrics.registry.get_sample_value(f"oblivion_ingestion_{name}") or 0.0


async def test_requests_of_one_loop_turn_share_one_commit(inbox: GroupCommitInbox, world: World) -> None:
    await asyncio.gather(*(inbox.commit(event(number)) for number in range(200)))
    assert len(world.events()) == 200
    assert sample(inbox, "batch_rows_count") <= 2
    assert sample(inbox, "events_stored_total") == 200


async def test_every_column_arrives_as_it_was(inbox: GroupCommitInbox, world: World) -> None:
    sent = event(7, body=bytes(range(256)) * 10, content_type="ünï", facts=EventFacts("ä", "s", "d" * 200, 2))
    await inbox.commit(sent)
    (row,) = world.events()
    assert (row["id"], row["tenant_id"], row["integration_id"]) == (
        sent.id,
        sent.tenant_id,
        sent.integration_id,
    )
    assert (row["event_type"], row["subject"], row["dedupe_key"], row["priority"]) == sent.facts
    assert (row["body"], row["content_type"], row["traceparent"]) == (sent.body, "ünï", "00")
    assert (row["state"], row["transport"]) == ("received", "http")


async def test_a_repeat_is_stored_no_second_time_and_counted(inbox: GroupCommitInbox, world: World) -> None:
    await asyncio.gather(inbox.commit(event(1)), inbox.commit(event(1)))
    await inbox.commit(event(1, body=b"other bytes"))
    assert len(world.events()) == 1
    assert sample(inbox, "events_repeated_total") == 2


@pytest.mark.parametrize(
    "poison",
    [
        {"transport": "pigeon"},
        {"facts": EventFacts("a\x00b", "s", "d", 1)},
    ],
)
async def test_one_poisonous_row_fails_alone(
    inbox: GroupCommitInbox, world: World, poison: dict[str, Any]
) -> None:
    sound = [inbox.commit(event(number)) for number in range(10)]
    bad = inbox.commit(event(99, **poison))
    await asyncio.gather(*sound)
    with pytest.raises(DeliveryMalformed):
        await bad
    assert len(world.events()) == 10
    assert sample(inbox, "batches_split_total") == 1


async def test_more_waiting_bytes_than_allowed_are_refused_at_once(world: World) -> None:
    limits = InboxLimits(waiting_bytes=10_000)
    inbox = GroupCommitInbox(world.database.url("oblivion_ingestion"), limits, Metrics())
    inbox.start()
    await eventually(lambda: inbox.available)
    waiting = [inbox.commit(event(number, body=b"x" * 3_000)) for number in range(5)]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(answer, StoreUnavailable) for answer in answers) == 3
    assert len(world.events()) == 2
    await inbox.close()


async def test_a_sender_that_hangs_up_does_not_spoil_the_batch(inbox: GroupCommitInbox, world: World) -> None:
    leaving, staying = inbox.commit(event(1)), inbox.commit(event(2))
    leaving.cancel()
    await staying
    assert len(world.events()) == 2


async def test_a_closed_inbox_has_committed_what_it_took_and_takes_no_more(
    inbox: GroupCommitInbox, world: World
) -> None:
    taken = [inbox.commit(event(number)) for number in range(50)]
    await inbox.close()
    await asyncio.gather(*taken)
    with pytest.raises(StoreUnavailable):
        await inbox.commit(event(99))
    assert len(world.events()) == 50
