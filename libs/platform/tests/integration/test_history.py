"""The history index against a Qdrant stand-in over HTTP."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from oblivion_contracts.runs import RunSource
from oblivion_contracts.sessions import HistorySearch
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.history import Document, QdrantHistory, WordLlamaEmbedder, embedder_named, is_shared
from oblivion_platform.http_server import serving
from oblivion_sandbox.testing import running_sandbox

pytestmark = pytest.mark.integration

TENANT, OTHER_TENANT, ANA, BEN = UUID(int=1), UUID(int=2), UUID(int=11), UUID(int=12)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOGIN = Document(
    run_id=UUID(int=101),
    tenant_id=TENANT,
    session_id=uuid4(),
    user_id=ANA,
    agent="fixer",
    source="slack",
    shared=True,
    prompt="The login page shows an error after the password reset",
    answer="The session cookie was not renewed; fixed in PR 12",
    before="",
    at=NOW,
)
MEETING = replace(
    LOGIN,
    run_id=UUID(int=102),
    agent="calendar",
    prompt="Move the planning meeting to Thursday",
    answer="Moved to Thursday at ten",
    at=NOW - timedelta(days=30),
)
SECRET = replace(LOGIN, run_id=UUID(int=103), user_id=BEN, shared=False, source="api")
THEIRS = replace(LOGIN, run_id=UUID(int=104), tenant_id=OTHER_TENANT)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncGenerator[QdrantHistory]:
    async with running_sandbox(tmp_path) as sandbox:
        history = QdrantHistory(sandbox.qdrant_url, WordLlamaEmbedder())
        yield history
        await history.close()


async def found(index: QdrantHistory, tenant_id: UUID = TENANT, readers: set[UUID] | None = None, **how):
    search = HistorySearch(query="users cannot log in with a new password", **how)
    return [hit.run_id for hit in await index.search(tenant_id, search, readers)]


async def test_an_empty_index_finds_nothing(index: QdrantHistory) -> None:
    assert await found(index) == []


async def test_what_is_about_the_same_comes_first(index: QdrantHistory) -> None:
    await index.add([MEETING, LOGIN])
    [first, second] = await index.search(TENANT, HistorySearch(query="sign-in fails"), None)
    assert (first.run_id, first.prompt, first.at) == (LOGIN.run_id, LOGIN.prompt, NOW)
    assert first.score > second.score


async def test_a_run_is_found_by_what_was_said_in_its_thread_before_it(index: QdrantHistory) -> None:
    bare = replace(LOGIN, run_id=UUID(int=106), prompt="and now?", answer="done")
    told = replace(bare, run_id=UUID(int=107), before="The printer on the third floor is jammed again")
    await index.add([bare, told])
    [first, *_] = await index.search(TENANT, HistorySearch(query="jammed printer"), None)
    assert first.run_id == told.run_id


async def test_no_search_crosses_to_another_tenant(index: QdrantHistory) -> None:
    await index.add([LOGIN, THEIRS])
    assert await found(index) == [LOGIN.run_id]
    assert await found(index, OTHER_TENANT) == [THEIRS.run_id]
    assert await found(index, OTHER_TENANT, {ANA}) == [THEIRS.run_id]
    assert await found(index, UUID(int=3)) == []


async def test_what_was_not_shared_is_found_for_its_own_user_alone(index: QdrantHistory) -> None:
    await index.add([LOGIN, SECRET])
    assert set(await found(index, readers={BEN})) == {LOGIN.run_id, SECRET.run_id}
    assert await found(index, readers={ANA}) == [LOGIN.run_id]
    assert await found(index, readers=set()) == [LOGIN.run_id]


async def test_filters_narrow_by_agent_source_and_time(index: QdrantHistory) -> None:
    await index.add([LOGIN, MEETING, SECRET])
    assert await found(index, agent="calendar") == [MEETING.run_id]
    assert await found(index, source=RunSource.API) == [SECRET.run_id]
    assert await found(index, until=NOW - timedelta(days=1)) == [MEETING.run_id]
    assert len(await found(index, since=NOW - timedelta(days=1))) == 2
    assert len(await found(index, limit=1)) == 1


async def test_adding_a_run_again_replaces_it(index: QdrantHistory) -> None:
    await index.add([LOGIN])
    await index.add([replace(LOGIN, answer="better")])
    [hit] = await index.search(TENANT, HistorySearch(query="login"), None)
    assert hit.answer == "better"


async def test_an_index_that_is_away_says_so() -> None:
    history = QdrantHistory("http://127.0.0.1:1", WordLlamaEmbedder())
    with pytest.raises(DependencyUnavailable):
        await history.add([LOGIN])
    with pytest.raises(DependencyUnavailable):
        await history.search(TENANT, HistorySearch(query="login"), None)
    await history.close()


async def test_an_embedder_of_ones_own_choice_is_asked_over_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def embed(request: Request) -> JSONResponse:
        """As OpenAI and all that speak its protocol: by whether a text is of meetings."""
        texts = (await request.json())["input"]
        asked.extend(texts)
        vectors = [[1.0, 0.0] if "meeting" in each else [0.0, 1.0] for each in texts]
        rows = [{"object": "embedding", "index": n, "embedding": each} for n, each in enumerate(vectors)]
        return JSONResponse({"object": "list", "model": "m", "data": rows, "usage": {}})

    app = Starlette(routes=[Route("/v1/embeddings", embed, methods=["POST"])])
    async with running_sandbox(tmp_path) as sandbox, serving(app, host="127.0.0.1", port=0) as port:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        history = QdrantHistory(sandbox.qdrant_url, embedder_named("openai:of-our-choice"))
        await history.add([LOGIN, MEETING, replace(LOGIN, run_id=UUID(int=105), prompt="予約" * 4_000)])
        [first, *_] = await history.search(TENANT, HistorySearch(query="my meetings"), None)
        await history.close()
    assert first.run_id == MEETING.run_id
    assert asked[-1] == "my meetings"
    assert max(len(each.encode()) for each in asked) <= 8_000


async def test_an_embedder_without_its_package_says_which_setting_and_what_to_install() -> None:
    history = QdrantHistory("http://127.0.0.1:1", embedder_named("cohere:embed-v4"))
    with pytest.raises(DependencyUnavailable) as told:
        await history.search(TENANT, HistorySearch(query="login"), None)
    assert told.value.code == "embedder_not_installed"
    assert "OBLIVION_EMBEDDER is cohere:embed-v4" in told.value.message
    assert "pip install langchain-cohere" in told.value.message


def test_without_a_choice_the_embedder_is_the_one_that_needs_nothing() -> None:
    assert {embedder_named(choice).name for choice in (None, "", "wordllama")} == {"wordllama"}


@pytest.mark.parametrize(
    ("source", "place", "shared"),
    [
        ("slack", {"channel": "C1", "is_public": True}, True),
        ("slack", {"channel": "C1"}, False),
        ("slack", {"channel": "D1", "is_public": False}, False),
        ("clickup", {"channel": "C1", "is_public": True}, True),
        ("clickup", {"channel": "C1"}, False),
        ("api", {"channel": "C1", "is_public": True}, False),
        ("delegation", {}, False),
        ("workflow", {}, False),
    ],
)
def test_only_what_was_said_in_a_channel_known_to_be_public_is_shared(
    source: str, place: dict[str, Any], *, shared: bool
) -> None:
    assert is_shared(source, place) is shared
