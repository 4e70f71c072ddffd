"""The index in Qdrant: one collection per embedder for all tenants, as Qdrant advises for many small ones.

Every search goes through `_visible`, the only place that makes a filter: a tenant is always part of it.
Source: https://qdrant.tech/documentation/guides/multiple-partitions/
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from oblivion_contracts.sessions import HistoryHit, HistorySearch
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.history.documents import Document
from oblivion_platform.history.embedding import Embedder

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, models

ResultT = TypeVar("ResultT")

TIMEOUT_S = 5
RETRY_AFTER_S = 5.0


class QdrantHistory:
    """Qdrant is always a URL; nothing connects, and nothing heavy is imported, before the first use."""

    def __init__(self, url: str, embedder: Embedder, *, api_key: str | None = None) -> None:
        self._url = url
        self._api_key = api_key
        self._embedder = embedder
        self._client: AsyncQdrantClient | None = None
        self._opening = asyncio.Lock()
        self._collection_is_there = False

    @property
    def collection(self) -> str:
        return f"oblivion-history-{self._embedder.name}"

    async def add(self, documents: Sequence[Document]) -> None:
        """Store, or replace, what these runs were about.

        Raises:
            DependencyUnavailable: some may be missing; add them again.
        """
        if not documents:
            return
        vectors = await self._embedder.embed([document.embedded for document in documents])
        points = [_point(document, vector) for document, vector in zip(documents, vectors, strict=True)]
        await self._answered(lambda client: self._upsert(client, points, len(vectors[0])))

    async def search(
        self, tenant_id: UUID, search: HistorySearch, readers: Collection[UUID] | None
    ) -> list[HistoryHit]:
        """The most similar runs of the tenant.

        `readers`: users for whom it is searched; beside what was shared, they are shown their own. None: all.

        Raises:
            DependencyUnavailable: the index or the embedder does not answer.
        """
        [vector] = await self._embedder.embed([search.query])
        found = await self._answered(lambda client: self._query(client, vector, tenant_id, search, readers))
        return [_hit(point) for point in found]

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _query(
        self,
        client: "AsyncQdrantClient",
        vector: list[float],
        tenant_id: UUID,
        search: HistorySearch,
        readers: Collection[UUID] | None,
    ) -> list[Any]:
        if not await client.collection_exists(self.collection):
            return []
        answer = await client.query_points(
            self.collection,
            query=vector,
            query_filter=_visible(tenant_id, search, readers),
            limit=search.limit,
            with_payload=True,
        )
        return list(answer.points)

    async def _upsert(self, client: "AsyncQdrantClient", points: list[Any], dimensions: int) -> None:
        if not self._collection_is_there or not await client.collection_exists(self.collection):
            await self._make_collection(client, dimensions)
        await client.upsert(self.collection, points, wait=True)

    async def _make_collection(self, client: "AsyncQdrantClient", dimensions: int) -> None:
        from qdrant_client import models

        if not await client.collection_exists(self.collection):
            vectors = models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
            await client.create_collection(self.collection, vectors_config=vectors)
        keyword = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        await client.create_payload_index(self.collection, "tenant", field_schema=keyword)
        for name in ("agent", "source", "user", "shared"):
            await client.create_payload_index(
                self.collection, name, field_schema=models.PayloadSchemaType.KEYWORD
            )
        await client.create_payload_index(self.collection, "at", field_schema=models.PayloadSchemaType.FLOAT)
        self._collection_is_there = True

    async def _answered(self, call: "Callable[[AsyncQdrantClient], Awaitable[ResultT]]") -> ResultT:
        import httpx
        from qdrant_client.http.exceptions import ApiException

        try:
            return await call(await self._connected())
        except (ApiException, httpx.HTTPError, OSError, TimeoutError) as error:
            self._collection_is_there = False
            raise DependencyUnavailable(
                "history_unavailable",
                f"The history index does not answer ({type(error).__name__})",
                RETRY_AFTER_S,
            ) from None

    async def _connected(self) -> "AsyncQdrantClient":
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)
        return self._client

    def _connect(self) -> "AsyncQdrantClient":
        # Some 100 MB; in a thread, since it takes a second.
        from qdrant_client import AsyncQdrantClient

        return AsyncQdrantClient(
            url=self._url, api_key=self._api_key, timeout=TIMEOUT_S, check_compatibility=False
        )


def _visible(tenant_id: UUID, search: HistorySearch, readers: Collection[UUID] | None) -> "models.Filter":
    """What may be found: of this tenant, for these readers, as the search narrows it."""
    from qdrant_client import models

    def equal(key: str, value: str) -> models.FieldCondition:
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))

    must: list[Any] = [equal("tenant", str(tenant_id))]
    if search.agent is not None:
        must.append(equal("agent", search.agent))
    if search.source is not None:
        must.append(equal("source", search.source.value))
    if search.since is not None or search.until is not None:
        between = models.Range(gte=_unix_s(search.since), lte=_unix_s(search.until))
        must.append(models.FieldCondition(key="at", range=between))
    if readers is not None:
        own = [equal("user", str(reader)) for reader in readers]
        must.append(models.Filter(should=[equal("shared", "yes"), *own]))
    return models.Filter(must=must)


def _unix_s(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _point(document: Document, vector: list[float]) -> "models.PointStruct":
    from qdrant_client import models

    payload = {
        "tenant": str(document.tenant_id),
        "session": str(document.session_id),
        "user": None if document.user_id is None else str(document.user_id),
        "shared": "yes" if document.shared else "no",
        "agent": document.agent,
        "source": document.source,
        "prompt": document.prompt,
        "answer": document.answer,
        "at": document.at.timestamp(),
    }
    return models.PointStruct(id=str(document.run_id), vector=vector, payload=payload)


def _hit(point: Any) -> HistoryHit:
    payload: dict[str, Any] = point.payload
    return HistoryHit(
        run_id=UUID(str(point.id)),
        session_id=UUID(payload["session"]),
        agent=payload["agent"],
        prompt=payload["prompt"],
        answer=payload["answer"],
        score=float(point.score),
        at=datetime.fromtimestamp(payload["at"], UTC),
    )
