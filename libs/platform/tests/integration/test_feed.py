"""The live feed on a real Redis: in order, apart for each tenant, and every gap told."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import redis.asyncio
import structlog
from structlog.testing import capture_logs

from oblivion_contracts.feed import FEED_START, FeedBatch, FeedLine
from oblivion_platform.embedded import EmbeddedRedis
from oblivion_platform.embedded.process import free_port
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed import Feed, FeedReader, Line
from oblivion_platform.feed.lines import feed_key
from oblivion_platform.feed.reader import LINES_AT_FIRST, LINES_AT_ONCE
from oblivion_platform.feed.writer import LINES_SHARED, LINES_WAITING_MAX
from oblivion_platform.logging import log_context
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


@asynccontextmanager
async def feeding(url: str, *, lines_kept: int = 10_000) -> AsyncGenerator[tuple[Feed, FeedReader]]:
    feed, reader = Feed(url, "gateway", lines_kept=lines_kept), FeedReader(url)
    try:
        yield feed, reader
    finally:
        await feed.close()
        await reader.close()


def said(number: int) -> Line:
    return Line("run.progress", f"line {number}")


def texts(batch: FeedBatch) -> list[str]:
    return [line.text for line in batch.lines]


def written_at_ms(line: FeedLine) -> int:
    return int(line.cursor.partition("-")[0])


async def written(reader: FeedReader, tenant: UUID, last: str) -> None:
    async def is_there() -> None:
        assert texts(await reader.newest(tenant))[-1:] == [last]

    await eventually(is_there)


async def test_lines_come_in_order_and_are_followed_by_their_cursor(redis_url: str) -> None:
    tenant = uuid4()
    async with feeding(redis_url) as (feed, reader):
        for number in range(5):
            feed.tell(tenant, said(number))
        await written(reader, tenant, "line 4")
        first = await reader.newest(tenant)
        assert texts(first) == [f"line {number}" for number in range(5)]
        assert (await reader.after(tenant, first.cursor)).lines == []
        feed.tell(tenant, said(5))
        await written(reader, tenant, "line 5")
        then = await reader.after(tenant, first.cursor)
        assert (texts(then), then.has_gap) == (["line 5"], False)
        assert texts(await reader.after(tenant, first.lines[2].cursor)) == ["line 3", "line 4", "line 5"]
        assert len(texts(await reader.after(tenant, FEED_START))) == 6


async def test_a_tenant_sees_its_own_lines_alone(redis_url: str) -> None:
    ours, theirs = uuid4(), uuid4()
    async with feeding(redis_url) as (feed, reader):
        feed.tell(theirs, said(1))
        feed.tell(ours, said(2))
        await written(reader, ours, "line 2")
        assert texts(await reader.newest(ours)) == ["line 2"]
        assert texts(await reader.newest(theirs)) == ["line 1"]
        assert texts(await reader.after(ours, FEED_START)) == ["line 2"]


async def test_what_is_not_kept_any_more_is_a_gap(redis_url: str) -> None:
    tenant = uuid4()
    async with feeding(redis_url, lines_kept=200) as (feed, reader):
        feed.tell(tenant, said(0))
        await written(reader, tenant, "line 0")
        begun = (await reader.newest(tenant)).cursor
        for number in range(1, 1_501):
            feed.tell(tenant, said(number))
        await written(reader, tenant, "line 1500")
        found = await reader.after(tenant, begun)
        assert found.has_gap
        assert texts(found)[0] != "line 1"
        rest = await reader.after(tenant, found.cursor)
        assert not rest.has_gap


async def test_many_lines_come_in_several_batches_without_a_gap(redis_url: str) -> None:
    tenant, count = uuid4(), LINES_AT_ONCE * 2 + 3
    async with feeding(redis_url) as (feed, reader):
        for number in range(count):
            feed.tell(tenant, said(number))
        await written(reader, tenant, f"line {count - 1}")
        seen: list[str] = []
        cursor = FEED_START
        while (batch := await reader.after(tenant, cursor)).lines:
            assert not batch.has_gap
            seen += texts(batch)
            cursor = batch.cursor
        assert seen == [f"line {number}" for number in range(count)]
        assert texts(await reader.newest(tenant)) == seen[-LINES_AT_FIRST:]


async def test_lines_that_were_too_many_are_counted_where_they_are_missing(redis_url: str) -> None:
    tenant = uuid4()
    async with feeding(redis_url) as (feed, reader):
        for number in range(LINES_WAITING_MAX + 7):
            feed.tell(tenant, said(number))
        await written(reader, tenant, f"line {LINES_WAITING_MAX - 1}")
        cursor, gaps = FEED_START, list[int]()
        while (batch := await reader.after(tenant, cursor)).lines:
            gaps += [line.dropped for line in batch.lines if line.kind == "feed.gap"]
            cursor = batch.cursor
        assert gaps == [7]


async def test_a_tenant_that_floods_its_feed_makes_no_gap_in_anothers_and_holds_none_up(
    redis_url: str,
) -> None:
    loud, quiet = uuid4(), uuid4()
    async with feeding(redis_url) as (feed, reader):
        for number in range(LINES_WAITING_MAX + 7):
            feed.tell(loud, said(number))
        for number in range(3):
            feed.tell(quiet, said(number))
        await written(reader, loud, f"line {LINES_WAITING_MAX - 1}")
        theirs, ours = (await reader.newest(loud)).lines, (await reader.newest(quiet)).lines
        assert [line.text for line in ours] == [f"line {number}" for number in range(3)]
        assert written_at_ms(ours[-1]) < written_at_ms(theirs[-1]), "it did not wait for the other's lines"


async def test_the_more_tenants_wait_the_less_room_each_has_and_every_one_has_some() -> None:
    feed = Feed(f"redis://127.0.0.1:{free_port()}/0", "gateway")
    tenants, line = 100, said(0)
    for _ in range(tenants):
        tenant = uuid4()
        for _ in range(LINES_WAITING_MAX):
            feed.tell(tenant, line)
    assert tenants * LINES_WAITING_MAX - feed.lines_dropped < 4 * LINES_SHARED
    dropped = feed.lines_dropped
    feed.tell(uuid4(), line)
    assert feed.lines_dropped == dropped
    await feed.close()


async def test_what_waits_is_written_before_the_process_ends(redis_url: str) -> None:
    tenant = uuid4()
    async with feeding(redis_url) as (feed, reader):
        feed.tell(tenant, said(1))
        await feed.close()
        assert texts(await reader.newest(tenant)) == ["line 1"]


async def test_a_redis_that_forgot_everything_is_a_gap_once(redis_url: str) -> None:
    tenant = uuid4()
    async with feeding(redis_url) as (feed, reader):
        feed.tell(tenant, said(1))
        await written(reader, tenant, "line 1")
        begun = (await reader.newest(tenant)).cursor
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            await client.delete(feed_key(tenant))
        forgotten = await reader.after(tenant, begun)
        assert (forgotten.has_gap, forgotten.cursor) == (True, FEED_START)
        feed.tell(tenant, said(2))
        await written(reader, tenant, "line 2")
        then = await reader.after(tenant, forgotten.cursor)
        assert (texts(then), then.has_gap) == (["line 2"], False)


async def test_telling_goes_on_while_redis_is_away_and_the_gap_is_told_when_it_is_back(
    tmp_path: Path,
) -> None:
    tenant, server = uuid4(), EmbeddedRedis(tmp_path)
    url = await server.start()
    try:
        async with feeding(url) as (feed, reader):
            feed.tell(tenant, said(1))
            await written(reader, tenant, "line 1")
            await server.stop()
            feed.tell(tenant, said(2))
            with pytest.raises(DependencyUnavailable):
                await reader.newest(tenant)
            await eventually(lambda: feed.lines_dropped == 1)
            await server.start()
            feed.tell(tenant, said(3))
            await written(reader, tenant, "line 3")
            lines = (await reader.newest(tenant)).lines
            assert [(line.text, line.dropped) for line in lines][-2:] == [(lines[-2].text, 1), ("line 3", 0)]
            assert lines[-2].kind == "feed.gap"
    finally:
        await server.stop()


async def test_what_is_written_for_all_belongs_to_nobodys_request() -> None:
    feed = Feed(f"redis://127.0.0.1:{free_port()}/0", "gateway")
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        with log_context(event_id="of whoever came first"):
            feed.tell(uuid4(), said(1))
        await eventually(lambda: bool(logged))
        await feed.close()
    assert [each["event"] for each in logged][:1] == ["lines of the feed were not written"]
    assert "event_id" not in logged[0]


async def test_a_line_of_a_newer_version_is_left_out_and_holds_nothing_up(redis_url: str) -> None:
    tenant = uuid4()
    async with feeding(redis_url) as (feed, reader):
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            await client.xadd(feed_key(tenant), {"line": '{"kind": "of.tomorrow"}'})
            await client.xadd(feed_key(tenant), {"other": "x"})
        feed.tell(tenant, said(1))
        await written(reader, tenant, "line 1")
        assert texts(await reader.newest(tenant)) == ["line 1"]
