"""Earlier runs, found by what they were about: embedded, and kept in Qdrant under their tenant.

    index = QdrantHistory(qdrant_url, embedder_named(None))
    hits = await index.search(tenant_id, HistorySearch(query="login fails"), readers={user_id})

Postgres is the truth here too: what the index lacks is known by `runs.indexed_at`, so an index that was away,
or that lost everything, is filled again.
"""

from oblivion_platform.history.documents import Document, is_shared, read_documents, set_indexed
from oblivion_platform.history.embedding import (
    Embedder,
    EmbedderNotInstalled,
    LangChainEmbedder,
    WordLlamaEmbedder,
    embedder_named,
)
from oblivion_platform.history.index import QdrantHistory

__all__ = [
    "Document",
    "Embedder",
    "EmbedderNotInstalled",
    "LangChainEmbedder",
    "QdrantHistory",
    "WordLlamaEmbedder",
    "embedder_named",
    "is_shared",
    "read_documents",
    "set_indexed",
]
