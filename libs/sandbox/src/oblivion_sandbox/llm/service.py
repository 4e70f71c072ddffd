"""The LLM stand-in put together: its rules, what it was asked, and what it was told to answer."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

from oblivion_sandbox.llm.mind import think
from oblivion_sandbox.llm.prompt import Prompt, Reply, ToolCall
from oblivion_sandbox.misbehave import Misbehaviour
from oblivion_sandbox.store import Json, Store

KEPT_REQUESTS = 500


@dataclass
class Scripted:
    """An answer prepared for prompts whose last user message matches a glob."""

    match: str
    reply: Reply
    times: int | None


class Llm:
    """One model. It remembers nothing between requests; the lists here are for those who test with it."""

    def __init__(self, store: Store, misbehaviour: Misbehaviour, chunk_s: float) -> None:
        self.store = store
        self.misbehaviour = misbehaviour
        self.chunk_s = chunk_s
        self.calls: Counter[str] = Counter()
        self.requests: deque[Json] = deque(maxlen=KEPT_REQUESTS)
        self._scripted: list[Scripted] = []

    def answer(self, prompt: Prompt) -> Reply:
        """A prepared reply if one fits, else what the rules say."""
        self.requests.append(asdict(prompt) | {"task": prompt.last_said})
        for prepared in self._scripted:
            if prepared.times != 0 and fnmatchcase(prompt.last_said, prepared.match):
                prepared.times = None if prepared.times is None else prepared.times - 1
                return prepared.reply
        return think(prompt)

    def prepare(self, wanted: Json) -> None:
        """Answer as told: `text`, or `tool` with `arguments`, for tasks that match a glob."""
        tool = wanted.get("tool")
        number = len(self._scripted)
        calls = (ToolCall(f"call_said{number}", str(tool), wanted.get("arguments") or {}),) if tool else ()
        times = wanted.get("times", 1)
        reply = Reply(str(wanted.get("text") or ""), calls)
        self._scripted.append(
            Scripted(str(wanted.get("match", "*")), reply, None if times is None else int(times))
        )

    def reset(self) -> None:
        self.misbehaviour.clear("llm")
        self.calls.clear()
        self.requests.clear()
        self._scripted.clear()
