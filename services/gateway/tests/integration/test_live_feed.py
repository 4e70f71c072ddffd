"""The live feed over Socket.IO `/admin`: who is let in, what they see, and where they go on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
import socketio
from sqlalchemy import text

from oblivion_contracts.feed import FEED_NAMESPACE, FeedBatch, FeedEnd, FeedLine
from oblivion_gateway.sockets import feed as feed_sockets
from oblivion_gateway.testing import PUBLIC_URL, TestTenant, World
from oblivion_gateway.testing_agents import about, being_let_in, work
from oblivion_platform.feed import Feed, Line
from oblivion_platform.tasks import end
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


@dataclass
class Viewer:
    """A page, as the gateway sees it."""

    url: str
    batches: list[FeedBatch] = field(default_factory=list[FeedBatch])
    ends: list[FeedEnd] = field(default_factory=list[FeedEnd])
    refusal: Any = None
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: what comes is not acknowledged."""

    def __post_init__(self) -> None:
        self.takes.set()
        self._client = socketio.AsyncClient(reconnection=False)
        self.disconnected = asyncio.Event()
        self._client.on("lines", self._take, namespace=FEED_NAMESPACE)
        self._client.on("end", self._end, namespace=FEED_NAMESPACE)
        self._client.on("connect_error", self._refused, namespace=FEED_NAMESPACE)
        self._client.on("disconnect", self.disconnected.set, namespace=FEED_NAMESPACE)

    @property
    def lines(self) -> list[FeedLine]:
        return [line for batch in self.batches for line in batch.lines]

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]

    async def connect(
        self, cookie: str | None, *, origin: str | None = PUBLIC_URL, forwarded_for: str | None = None
    ) -> None:
        headers = {"Cookie": f"oblivion_session={cookie}"} if cookie else {}
        if forwarded_for:
            headers["X-Forwarded-For"] = forwarded_for
        if origin:
            headers["Origin"] = origin
        await self._client.connect(
            self.url, headers=headers, namespaces=[FEED_NAMESPACE], transports=["websocket"], wait_timeout=30
        )

    async def follow(self, after: str | None = None) -> None:
        await self.say({"after": after} if after else {})
        await eventually(lambda: bool(self.batches))

    async def say(self, message: object) -> None:
        await self._client.emit("follow", message, namespace=FEED_NAMESPACE)

    async def close(self) -> None:
        await self._client.disconnect()

    async def _take(self, data: Any) -> str:
        await self.takes.wait()
        self.batches.append(FeedBatch.model_validate(data))
        return "taken"

    async def _end(self, data: Any) -> None:
        self.ends.append(FeedEnd.model_validate(data))

    async def _refused(self, data: Any) -> None:
        self.refusal = data


@dataclass
class Theatre:
    """A gateway, a tenant, and who tells its feed."""

    world: World
    tenant: TestTenant
    feed: Feed
    viewers: list[Viewer] = field(default_factory=list[Viewer])

    def tell(self, words: str, tenant: UUID | None = None) -> None:
        self.feed.tell(tenant or self.tenant.id, Line("run.progress", words))

    def viewer(self) -> Viewer:
        self.viewers.append(Viewer(self.world.base_url))
        return self.viewers[-1]

    async def watching(self, role: str = "user", after: str | None = None) -> Viewer:
        viewer = self.viewer()
        await viewer.connect(await self.world.cookie(self.tenant, role))
        await viewer.follow(after)
        return viewer


Opening = Callable[..., Awaitable[Theatre]]


@pytest.fixture
async def theatre(new_office: Any, redis_url: str) -> AsyncGenerator[Theatre]:
    office = await new_office(feed_recheck_s=0.3)
    feed = Feed(redis_url, "mcp-hub")
    made = Theatre(office.world, office.tenant, feed)
    yield made
    for viewer in made.viewers:
        await viewer.close()
    await feed.close()


@pytest.mark.parametrize("role", ["user", "admin"])
async def test_users_and_admins_see_what_was_and_what_comes(theatre: Theatre, role: str) -> None:
    theatre.tell("before")
    viewer = await theatre.watching(role)
    theatre.tell("after")
    await eventually(lambda: viewer.texts == ["before", "after"])
    assert [line.source for line in viewer.lines] == ["mcp-hub", "mcp-hub"]
    assert not any(batch.has_gap for batch in viewer.batches)


async def test_an_empty_feed_says_so_at_once(theatre: Theatre) -> None:
    viewer = await theatre.watching()
    assert (viewer.batches[0].lines, viewer.batches[0].cursor) == ([], "0-0")


async def refused(theatre: Theatre, cookie: str | None, **more: Any) -> str:
    viewer = theatre.viewer()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await viewer.connect(cookie, **more)
    return viewer.refusal["data"] if isinstance(viewer.refusal, dict) else str(viewer.refusal)


async def test_guests_nobody_and_forged_cookies_are_refused(theatre: Theatre) -> None:
    world, tenant = theatre.world, theatre.tenant
    assert await refused(theatre, await world.cookie(tenant, "guest")) == "not_allowed"
    assert await refused(theatre, None) == "sign_in_needed"
    assert await refused(theatre, f"{tenant.id.hex}.invented") == "token_rejected"
    assert await refused(theatre, await world.token(tenant, "admin")) == "token_rejected"


async def test_another_sites_page_is_refused_though_the_browser_sends_the_cookie(theatre: Theatre) -> None:
    cookie = await theatre.world.cookie(theatre.tenant, "admin")
    assert await refused(theatre, cookie, origin=None) == "cross_site_refused"
    with pytest.raises(socketio.exceptions.ConnectionError):
        await theatre.viewer().connect(cookie, origin="https://evil.example")


async def test_another_tenants_lines_never_come(theatre: Theatre) -> None:
    other = await theatre.world.new_tenant()
    viewer = await theatre.watching()
    theirs = theatre.viewer()
    await theirs.connect(await theatre.world.cookie(other, "admin"))
    await theirs.follow()
    theatre.tell("theirs", other.id)
    theatre.tell("ours")
    await eventually(lambda: viewer.texts == ["ours"])
    await eventually(lambda: theirs.texts == ["theirs"])
    # A cursor of ours says nothing about theirs either.
    again = await theatre.watching(after=theirs.batches[-1].cursor)
    assert "theirs" not in again.texts


async def test_whoever_comes_back_goes_on_after_the_last_line(theatre: Theatre) -> None:
    first = await theatre.watching()
    theatre.tell("one")
    await eventually(lambda: first.texts == ["one"])
    await first.close()
    theatre.tell("two")
    theatre.tell("three")
    second = await theatre.watching(after=first.batches[-1].cursor)
    await eventually(lambda: second.texts == ["two", "three"])
    assert not any(batch.has_gap for batch in second.batches)


async def test_a_cursor_of_what_is_gone_is_a_gap(theatre: Theatre) -> None:
    theatre.tell("one")
    viewer = await theatre.watching(after="5-5")
    await eventually(lambda: viewer.texts == ["one"])
    assert [batch.has_gap for batch in viewer.batches].count(True) == 1


NOT_UNDERSTOOD = [
    {"after": "nonsense"},
    {"after": "99999999999999999999-0"},
    {"after": "\u0665-\u0665"},
    "text",
    5,
    {"more": 1},
    ["a"],
]


@pytest.mark.parametrize("wish", NOT_UNDERSTOOD)
async def test_a_wish_that_is_not_understood_begins_with_the_newest(theatre: Theatre, wish: object) -> None:
    theatre.tell("one")
    viewer = theatre.viewer()
    await viewer.connect(await theatre.world.cookie(theatre.tenant, "user"))
    await viewer.say(wish)
    await eventually(lambda: bool(viewer.texts))
    assert viewer.texts == ["one"]
    assert not viewer.disconnected.is_set()


async def test_nothing_more_is_sent_until_the_page_has_taken_what_came(theatre: Theatre) -> None:
    viewer = await theatre.watching()
    viewer.takes.clear()
    theatre.tell("one")
    reader = theatre.world.gateway.feed_reader
    for number in range(3):
        theatre.tell(f"more {number}")
        await eventually(lambda number=number: _is_last(reader, theatre.tenant.id, f"more {number}"))
    assert viewer.texts == []
    viewer.takes.set()
    await eventually(lambda: viewer.texts == ["one", "more 0", "more 1", "more 2"])
    assert len(viewer.batches) <= 4, "what waited came together"


async def _is_last(reader: Any, tenant_id: UUID, words: str) -> bool:
    return [line.text for line in (await reader.newest(tenant_id)).lines[-1:]] == [words]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE web_sessions SET revoked_at = now()", "token_rejected"),
        ("UPDATE users SET state = 'disabled'", "token_rejected"),
        ("UPDATE users SET role = 'guest'", "not_allowed"),
        ("UPDATE tenants SET state = 'suspended'", "token_rejected"),
    ],
)
async def test_whoever_may_not_stay_is_told_and_cut(theatre: Theatre, change: str, code: str) -> None:
    viewer = await theatre.watching()
    async with theatre.world.database.tenant(theatre.tenant.id) as tx:
        await tx.execute(text(change))
    await eventually(viewer.disconnected.is_set)
    assert [(end.code, end.passes) for end in viewer.ends] == [(code, False)]
    theatre.tell("secret")
    await eventually(lambda: _is_last(theatre.world.gateway.feed_reader, theatre.tenant.id, "secret"))
    assert "secret" not in viewer.texts


async def test_whoever_signed_out_before_they_follow_sees_nothing(theatre: Theatre) -> None:
    theatre.tell("secret")
    viewer = theatre.viewer()
    await viewer.connect(await theatre.world.cookie(theatre.tenant, "user"))
    async with theatre.world.database.tenant(theatre.tenant.id) as tx:
        await tx.execute(text("UPDATE web_sessions SET revoked_at = now()"))
    await viewer.say({})
    await eventually(viewer.disconnected.is_set)
    assert [(end.code, end.passes) for end in viewer.ends] == [("token_rejected", False)]
    assert viewer.batches == []


async def test_a_page_that_follows_nothing_is_cut(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_sockets, "FOLLOWS_WITHIN_S", 0.2)
    viewer = theatre.viewer()
    await viewer.connect(await theatre.world.cookie(theatre.tenant, "user"))
    await eventually(viewer.disconnected.is_set)
    assert viewer.batches == []


async def test_one_person_has_so_many_pages_and_no_more(new_office: Any) -> None:
    office = await new_office(sse_streams_max=2)
    cookie = await office.world.cookie(office.tenant, "user")
    viewers = [Viewer(office.world.base_url) for _ in range(3)]
    for viewer in viewers[:2]:
        await viewer.connect(cookie)
        await viewer.follow()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await viewers[2].connect(cookie)
    await viewers[0].close()

    async def is_let_in() -> bool:
        try:
            await viewers[2].connect(cookie)
        except socketio.exceptions.ConnectionError:
            return False
        return True

    await eventually(is_let_in)
    for viewer in viewers:
        await viewer.close()


async def test_a_tenants_people_have_so_many_pages_together_and_another_tenants_have_theirs(
    new_office: Any,
) -> None:
    office = await new_office(tenant_feeds_max=2)
    world, other = office.world, await office.world.new_tenant()
    viewers = [Viewer(world.base_url) for _ in range(4)]
    for viewer, role in zip(viewers[:2], ("admin", "user"), strict=True):
        await viewer.connect(await world.cookie(office.tenant, role))
    with pytest.raises(socketio.exceptions.ConnectionError):
        await viewers[2].connect(await world.cookie(office.tenant, "operator"))
    assert viewers[2].refusal == {
        "message": "Your tenant has the live feed open 2 times. Close some.",
        "data": "too_many_feeds",
    }
    await viewers[3].connect(await world.cookie(other, "user"))
    await viewers[3].follow()
    for viewer in viewers:
        await viewer.close()


async def test_a_page_that_is_closed_while_it_is_let_in_is_not_counted_among_its_tenants(
    new_office: Any, held_table: Callable[[str], AbstractContextManager[None]]
) -> None:
    office = await new_office(tenant_feeds_max=1)
    cookie = await office.world.cookie(office.tenant, "user")
    sockets = office.world.gateway.agent_gateway.server
    closed, next_one = Viewer(office.world.base_url), Viewer(office.world.base_url)
    with held_table("web_sessions"):
        connecting = asyncio.create_task(closed.connect(cookie))
        [sid] = await eventually(lambda: being_let_in(sockets, FEED_NAMESPACE))
        await sockets.cut_from(FEED_NAMESPACE, sid)
    await end(connecting)
    await eventually(lambda: FEED_NAMESPACE not in sockets.rooms.pending_connect)
    await next_one.connect(cookie)
    await next_one.follow()
    assert not next_one.disconnected.is_set(), "the one page that there may be is this one"
    await next_one.close()


async def test_connects_of_an_address_are_limited_with_its_requests_before_anybody_is_known(
    new_office: Any,
) -> None:
    office = await new_office(address_requests_per_minute=3, proxies_in_front=1)

    async def knocking(address: str) -> str:
        viewer = Viewer(office.world.base_url)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await viewer.connect("invented", forwarded_for=f"6.6.6.6, {address}")
        return viewer.refusal["data"]

    first, second = (f"10.1.{uuid4().int % 250}.{last}" for last in (1, 2))
    codes = [await knocking(first) for _ in range(2)]
    asked = await office.world.request("GET", "/api/me", headers={"X-Forwarded-For": first})
    assert (codes, asked.status_code) == (["token_rejected"] * 2, 401)
    assert await knocking(first) == "too_many_requests"
    assert await knocking(second) == "token_rejected"


async def test_an_agents_work_is_told_as_it_happens_and_no_word_of_it(office: Any) -> None:
    viewer = Viewer(office.world.base_url)
    await viewer.connect(await office.world.cookie(office.tenant, "admin"))
    await viewer.follow()
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    question = {"key": "k", "question": "a private question?", "detail": "private"}
    asked = await agent.call("approval.request", about(assigned) | question)
    answer = await office.world.request(
        "POST",
        f"/api/approvals/{asked.approval_id}",
        token=await office.world.token(office.tenant, "admin"),
        json={"approved": True, "comment": "private comment"},
    )
    assert answer.status_code == 200, answer.text
    await agent.call("task.completed", about(assigned) | {"answer": "a private answer"})
    await agent.close()
    await eventually(lambda: [line.kind for line in viewer.lines[-1:]] == ["agent.offline"])
    told = [
        (line.kind, line.run_id == assigned.run_id, line.agent_id == office.agent_id) for line in viewer.lines
    ]
    assert [each for each in told if each[0] != "run.progress"] == [
        ("agent.online", False, True),
        ("run.started", True, True),
        ("approval.asked", True, True),
        ("approval.answered", True, True),
        ("run.ended", True, True),
        ("agent.offline", False, True),
    ]
    assert "private" not in str(viewer.batches)
    await viewer.close()


async def test_an_admin_who_mutes_an_agent_is_a_line(office: Any) -> None:
    viewer = Viewer(office.world.base_url)
    await viewer.connect(await office.world.cookie(office.tenant, "admin"))
    await viewer.follow()
    token = await office.world.token(office.tenant, "admin")
    for verb, body in (("mute", {"minutes": 5, "reason": "private"}), ("unmute", {})):
        path = f"/api/agents/{office.agent_id}/{verb}"
        answer = await office.world.request("POST", path, token=token, json=body)
        assert answer.status_code == 200, answer.text
    await eventually(lambda: len(viewer.lines) == 2)
    assert viewer.texts == ["fixer is muted for 5 minutes", "fixer may speak again"]
    await viewer.close()
