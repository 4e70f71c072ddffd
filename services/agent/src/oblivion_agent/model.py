"""The language model: any that LangChain knows, loaded at first use, its failures in words for people."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from oblivion_agent.settings import ModelPrice, Settings
from oblivion_agent.spans import model_span, note_tokens
from oblivion_agent.telemetry import Watchers
from oblivion_client import AgentFailure

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

ATTEMPTS_AWAITED = 3
"""A model that uses its whole time is asked this often at most, however many retries are left."""

logger = logging.getLogger(__name__)

_NOT_SET_UP = "No language model is set up for me. An admin can set OBLIVION_LLM_MODEL, or my own model."
_UNAVAILABLE = "The language model ({model}) cannot be reached right now. Ask me again in a few minutes."
_SLOW = "The language model ({model}) did not answer in time. Ask me again, perhaps with a smaller request."
_BUSY = "The language model ({model}) has more requests than it takes. Ask me again in a few minutes."
_REFUSED = "The language model ({model}) does not accept our key. An admin has to renew it."
_REJECTED = (
    "The language model ({model}) does not take this request. It may be too long: ask for less at once."
)
_NONSENSE = (
    "The language model ({model}) gave no usable answer. Ask me again, or put the request differently."
)


@dataclass(frozen=True)
class ModelSpent:
    """What one answer used."""

    input_tokens: int
    output_tokens: int
    cost_usd: float


class Models:
    """Chat models by name, each made once."""

    def __init__(self, settings: Settings, watchers: Watchers = tuple) -> None:
        self._settings = settings
        self._watchers = watchers
        self._made: dict[str, Any] = {}

    async def warm_up(self) -> None:
        """Load the libraries before somebody waits for them."""
        if self._settings.llm_model is not None:
            await asyncio.to_thread(self._make, self._settings.llm_model)

    async def named(self, own: str | None) -> "Model":
        """The agent's own model, else the system's.

        Raises:
            AgentFailure: none is set up, or its provider is not installed.
        """
        name = own or self._settings.llm_model
        if name is None:
            raise AgentFailure(_NOT_SET_UP, code="model_missing")
        if name not in self._made:
            await asyncio.to_thread(self._make, name)
        price = self._settings.llm_prices.get(name)
        return Model(name, self._made[name], price, self._settings.llm_timeout_seconds, self._watchers)

    def _make(self, name: str) -> None:
        from langchain.chat_models import init_chat_model

        options: dict[str, Any] = {
            "timeout": self._settings.llm_timeout_seconds,
            "max_retries": self._settings.llm_retries,
        }
        if self._settings.llm_base_url is not None and self._is_of_system_provider(name):
            options["base_url"] = self._settings.llm_base_url
        try:
            self._made[name] = cast("Any", init_chat_model)(name, **options)
        except (ImportError, ValueError) as error:
            logger.error("the model %s cannot be used: %s", name, error)
            raise AgentFailure(
                f"The language model {name!r} cannot be used here; the log says why.", code="model_missing"
            ) from error

    def _is_of_system_provider(self, name: str) -> bool:
        system = self._settings.llm_model
        return system is not None and _provider(name) == _provider(system)


class Model:
    """One chat model."""

    def __init__(
        self, name: str, chat: Any, price: ModelPrice | None, timeout_s: float, watchers: Watchers = tuple
    ) -> None:
        self.name = name
        self._chat = chat
        self._price = price
        # The provider's own limit is per attempt; this one holds for the whole answer.
        self._timeout_s = timeout_s * ATTEMPTS_AWAITED
        self._watchers = watchers

    async def answer(self, messages: "Sequence[BaseMessage]", tools: Sequence[dict[str, Any]]) -> "AIMessage":
        """What the model says next.

        Raises:
            AgentFailure: it did not answer; the text is for the person who asked.
        """
        chat = self._chat.bind_tools(list(tools)) if tools else self._chat
        with model_span(self.name) as begun:
            answer = await self._asked(chat, messages)
            spent = self.spent(answer)
            note_tokens(begun, spent.input_tokens, spent.output_tokens)
        return answer

    async def _asked(self, chat: Any, messages: "Sequence[BaseMessage]") -> "AIMessage":
        config = {"callbacks": list(self._watchers())}
        try:
            async with asyncio.timeout(self._timeout_s):
                return cast("AIMessage", await chat.ainvoke(list(messages), config))
        # Each provider's library has errors of its own, with no base in common.
        except Exception as error:
            failure = failure_of(error, self.name)
            logger.warning("%s: %s (%s)", failure.code, self.name, type(error).__name__)
            raise failure from error

    def spent(self, answer: "AIMessage") -> ModelSpent:
        usage: dict[str, Any] = dict(answer.usage_metadata or {})
        tokens_in, tokens_out = int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0))
        cost = (tokens_in * self._price.input + tokens_out * self._price.output) / 1e6 if self._price else 0.0
        return ModelSpent(tokens_in, tokens_out, cost)


def failure_of(error: Exception, model: str) -> AgentFailure:
    """Why a model did not answer, for the person who asked."""
    status = getattr(error, "status_code", None)
    names = {base.__name__ for base in type(error).__mro__}
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in names):
        code, text = "model_slow", _SLOW
    elif status in (401, 403):
        code, text = "model_key_refused", _REFUSED
    elif status == 429:
        code, text = "model_busy", _BUSY
    elif status in (400, 404, 413, 422):
        code, text = "model_rejected", _REJECTED
    elif isinstance(error, LookupError | TypeError | ValueError):
        # What the provider's library raises over an answer that is no JSON, or lacks its parts.
        return no_usable_answer(model)
    else:
        code, text = "model_unavailable", _UNAVAILABLE
    return AgentFailure(text.format(model=model), code=code)


def no_usable_answer(model: str) -> AgentFailure:
    """The model did answer, with nothing in it."""
    return AgentFailure(_NONSENSE.format(model=model), code="model_nonsense")


def _provider(name: str) -> str:
    return name.partition(":")[0]
