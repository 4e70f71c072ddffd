"""The vector store through AsyncQdrantClient."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from oblivion_sandbox.testing import RunningSandbox, running_sandbox

RUNS = [
    models.PointStruct(id=1, vector=[1, 0, 0], payload={"tenant": "a", "agent": "fixer", "at": 10}),
    models.PointStruct(id=2, vector=[0.9, 0.1, 0], payload={"tenant": "a", "agent": "notion", "at": 20}),
    models.PointStruct(id=3, vector=[0, 0, 1], payload={"tenant": "b", "agent": "fixer", "at": 30}),
]


def matching(key: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


@pytest.fixture
async def qdrant(sandbox: RunningSandbox) -> AsyncGenerator[AsyncQdrantClient]:
    client = AsyncQdrantClient(url=sandbox.qdrant_url, timeout=30, check_compatibility=False)
    yield client
    await client.close()


async def filled(qdrant: AsyncQdrantClient) -> None:
    vectors = models.VectorParams(size=3, distance=models.Distance.COSINE)
    await qdrant.create_collection("runs", vectors_config=vectors)
    await qdrant.upsert("runs", RUNS, wait=True)


async def test_collections_come_and_go(qdrant: AsyncQdrantClient):
    assert await qdrant.collection_exists("runs") is False
    await filled(qdrant)
    info = await qdrant.get_collection("runs")
    listed = await qdrant.get_collections()
    assert await qdrant.collection_exists("runs") is True
    assert info.points_count == 3
    assert [each.name for each in listed.collections] == ["runs"]
    with pytest.raises(UnexpectedResponse) as again:
        await qdrant.create_collection("runs", vectors_config=models.VectorParams(size=3, distance="Cosine"))
    await qdrant.delete_collection("runs")
    with pytest.raises(UnexpectedResponse) as missing:
        await qdrant.get_collection("runs")
    assert (again.value.status_code, missing.value.status_code) == (409, 404)


async def test_the_nearest_points_are_found_within_a_filter(qdrant: AsyncQdrantClient):
    await filled(qdrant)
    tenant = models.Filter(must=[matching("tenant", "a")])
    found = await qdrant.query_points(
        "runs", query=[1, 0, 0], query_filter=tenant, limit=5, with_payload=True
    )
    few = await qdrant.query_points("runs", query=[1, 0, 0], limit=5, score_threshold=0.99)
    assert [point.id for point in found.points] == [1, 2]
    assert found.points[0].score == pytest.approx(1.0)
    assert found.points[0].payload == {"tenant": "a", "agent": "fixer", "at": 10}
    assert {point.id for point in few.points} == {1, 2}
    assert few.points[0].payload is not None


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (models.Filter(must=[models.FieldCondition(key="at", range=models.Range(gte=20))]), {2, 3}),
        (models.Filter(should=[matching("agent", "notion"), matching("tenant", "b")]), {2, 3}),
        (models.Filter(must_not=[matching("agent", "fixer")]), {2}),
        (models.Filter(must=[models.FieldCondition(key="at", match=models.MatchAny(any=[10, 30]))]), {1, 3}),
        (models.Filter(must=[models.HasIdCondition(has_id=[2])]), {2}),
    ],
)
async def test_filters_mean_what_they_mean_to_qdrant(
    qdrant: AsyncQdrantClient, condition: models.Filter, ids: set[int]
):
    await filled(qdrant)
    points, following = await qdrant.scroll("runs", scroll_filter=condition)
    counted = await qdrant.count("runs", count_filter=condition)
    assert {point.id for point in points} == ids
    assert following is None
    assert counted.count == len(ids)


async def test_scrolling_goes_page_by_page(qdrant: AsyncQdrantClient):
    await filled(qdrant)
    first, following = await qdrant.scroll("runs", limit=2)
    rest, end = await qdrant.scroll("runs", limit=2, offset=following)
    assert [point.id for point in (*first, *rest)] == [1, 2, 3]
    assert end is None


async def test_points_are_read_changed_and_deleted(qdrant: AsyncQdrantClient):
    await filled(qdrant)
    await qdrant.set_payload("runs", {"seen": True}, points=[1])
    await qdrant.delete(
        "runs", points_selector=models.FilterSelector(filter=models.Filter(must=[matching("tenant", "b")]))
    )
    await qdrant.delete("runs", points_selector=[2])
    read = await qdrant.retrieve("runs", ids=[1, 2, 3], with_vectors=True)
    assert [point.id for point in read] == [1]
    assert read[0].payload is not None
    assert read[0].payload["seen"] is True
    assert read[0].vector == [1.0, 0.0, 0.0]


async def test_payload_indexes_are_declared(qdrant: AsyncQdrantClient):
    await filled(qdrant)
    await qdrant.create_payload_index("runs", "tenant", models.PayloadSchemaType.KEYWORD)
    await qdrant.create_payload_index(
        "runs", "agent", models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    )
    schema = (await qdrant.get_collection("runs")).payload_schema
    assert {name: entry.data_type.value for name, entry in schema.items()} == {
        "tenant": "keyword",
        "agent": "keyword",
    }


async def test_named_vectors_and_batches_work(qdrant: AsyncQdrantClient):
    vectors = {"text": models.VectorParams(size=2, distance=models.Distance.DOT)}
    await qdrant.create_collection("named", vectors_config=vectors)
    batch = models.Batch(ids=[1, 2], vectors={"text": [[1, 0], [0, 1]]}, payloads=[{"n": 1}, {"n": 2}])
    await qdrant.upsert("named", batch)
    requests = [models.QueryRequest(query=[0, 1], using="text", limit=1, with_payload=True)]
    found = await qdrant.query_batch_points("named", requests)
    assert found[0].points[0].payload == {"n": 2}


async def test_a_wrong_vector_is_refused(qdrant: AsyncQdrantClient):
    await filled(qdrant)
    with pytest.raises(UnexpectedResponse) as refused:
        await qdrant.query_points("runs", query=[1, 0])
    assert refused.value.status_code == 400


async def test_points_outlive_the_process(tmp_path: Path):
    for start in range(2):
        async with running_sandbox(tmp_path) as sandbox:
            client = AsyncQdrantClient(url=sandbox.qdrant_url, timeout=30, check_compatibility=False)
            if start == 0:
                await filled(client)
            counted = await client.count("runs")
            await client.close()
    assert counted.count == 3


async def test_it_tells_its_version_and_health(sandbox: RunningSandbox):
    async with httpx.AsyncClient(trust_env=False) as http:
        version = (await http.get(sandbox.qdrant_url)).json()["version"]
        healthy = (await http.get(f"{sandbox.qdrant_url}/readyz")).status_code
    assert (version.split(".")[0], healthy) == ("1", 200)


async def test_it_fails_on_command_and_forgets_on_reset(sandbox: RunningSandbox, qdrant: AsyncQdrantClient):
    await filled(qdrant)
    await sandbox.control.qdrant.misbehave("/collections/*/points/query", "error", times=1, status=503)
    with pytest.raises(UnexpectedResponse) as failed:
        await qdrant.query_points("runs", query=[1, 0, 0])
    await sandbox.control.qdrant.reset()
    assert failed.value.status_code == 503
    assert await qdrant.collection_exists("runs") is False
