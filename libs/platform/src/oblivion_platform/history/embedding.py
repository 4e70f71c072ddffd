"""Text → vectors. Models are loaded at first use: they are heavy, and most processes embed nothing."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from oblivion_platform.errors import DependencyUnavailable

EMBED_WITHIN_S = 30.0
TEXT_BYTES_MAX = 8_000
"""A token is a byte at least, and OpenAI's embedders take 8,191 of them:
https://platform.openai.com/docs/guides/embeddings.
"""
_AS_OPENAI = frozenset({"openai", "azure_openai"})


class EmbedderNotInstalled(DependencyUnavailable):
    """The embedder that was chosen needs a package that is not here."""

    def __init__(self, model: str, package: str) -> None:
        super().__init__(
            "embedder_not_installed",
            f"OBLIVION_EMBEDDER is {model}, and its package is not installed here: `pip install {package}`. "
            "Without OBLIVION_EMBEDDER the embedder is the one that needs nothing.",
        )


class Embedder(Protocol):
    """Vectors of one embedder can be compared with each other only: `name` says whose they are."""

    @property
    def name(self) -> str: ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text.

        Raises:
            DependencyUnavailable: try again later.
        """
        ...


class WordLlamaEmbedder:
    """Static word embeddings that come with their package: no network, no key, 256 dimensions."""

    name = "wordllama"

    def __init__(self) -> None:
        self._model: Any = None

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._embed, list(texts))

    def _embed(self, texts: list[str]) -> list[list[float]]:
        if self._model is None:
            self._model = _load_wordllama()
        return cast("list[list[float]]", self._model.embed(texts, norm=True).tolist())


class LangChainEmbedder:
    """Any embedder that LangChain's `init_embeddings` knows, such as `openai:text-embedding-3-small`."""

    def __init__(self, model: str) -> None:
        self.name = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
        self._model_name = model
        self._model: Any = None

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            async with asyncio.timeout(EMBED_WITHIN_S):
                if self._model is None:
                    self._model = await asyncio.to_thread(_load_langchain, self._model_name)
                return cast("list[list[float]]", await self._model.aembed_documents([*map(_cut, texts)]))
        except EmbedderNotInstalled:
            raise
        except (
            Exception
        ) as error:  # Each provider has its own errors; all mean that there are no vectors now.
            raise DependencyUnavailable(
                "embedder_unavailable", f"The embedder does not answer ({type(error).__name__})"
            ) from None


def embedder_named(model: str | None) -> Embedder:
    """None stands for the one that needs nothing."""
    return WordLlamaEmbedder() if not model or model == "wordllama" else LangChainEmbedder(model)


def _load_wordllama() -> Any:
    import wordllama  # pyright: ignore[reportMissingTypeStubs]

    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)


def _load_langchain(model: str) -> Any:
    """Raises: EmbedderNotInstalled."""
    # Its own counting of tokens downloads a vocabulary, and sends numbers, which only OpenAI itself reads.
    provider = model.partition(":")[0]
    options: dict[str, Any] = {"check_embedding_ctx_length": False} if provider in _AS_OPENAI else {}
    try:
        from langchain.embeddings import init_embeddings

        return init_embeddings(model, **options)
    except ImportError as error:
        raise EmbedderNotInstalled(model, _package_of(provider, error)) from error


def _package_of(provider: str, error: ImportError) -> str:
    """Of LangChain's integration, or what that one itself lacks."""
    lacking = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    return (lacking.name or f"langchain-{provider}").partition(".")[0].replace("_", "-")


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:TEXT_BYTES_MAX].decode("utf-8", "ignore")
