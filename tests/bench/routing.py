"""The fast path: time per message at 1,000 keywords and 10 kB of text, friendly and hostile.

And how often it is right, on the half of `tests/data/routing.jsonl` that it was not tuned on.

No peer does the same, so that the figures stand beside fixed limits. Each text is decided by a router that
has a tenant's 1,000 keywords beside the default squad; nothing is cached. It is processor time that counts:
who else uses the machine says nothing about the router.
"""

import gc
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from oblivion_platform.routing import (
    AgentProfile,
    Decision,
    Router,
    compile_router,
    default_squad,
    route,
    settle,
)
from oblivion_platform.routing.evaluation import LabelledMessage, evaluate, read_messages
from oblivion_platform.routing.keywords import KeywordIndex
from oblivion_platform.routing.text import folded
from tests.bench.figures import Figure, at_least, at_most, percentile

KEYWORDS = 1_000
TEXT_CHARACTERS = 10_000
ROUNDS = 400
KEYWORDS_GOAL_US = 100.0
DECIDE_GOAL_US = 1_000.0
MESSAGES = Path("tests/data/routing.jsonl")
RIGHT_GOAL, ANSWERED_GOAL = 97.0, 90.0
"""%, of what the fast path answers and of the plain and noisy messages."""
_FRIENDLY = "could you please move the review with Lena to Thursday and tell everybody why it is so late? "
_PIECES = {
    "friendly": _FRIENDLY,
    "keywords only": "keyword7 keyword8 ",
    "one letter": "a",
    "brackets": "<<<<",
    "quotes": "\"'`",
    "times and keys": "12:30 LUM-12 v1.2 a_b x() #4 ",
    "unknown words": "qwrtz plmokn xdrcft ",
    "combining marks": "a\u0301\u0323\u0302",
    "wide forms": "\ufdfa\uff21",
    "japanese": "会議室を予約してください",
    "list": "- create fix book log summarise\n",
    "then": "then and but first before you ",
}


async def measure() -> list[Figure]:
    """Time the keyword stage and the whole decision on every text."""
    router = compile_router([*default_squad(), *_tenant()])
    index = KeywordIndex({profile.name: profile.keywords for profile in _tenant()})
    gc.collect()
    gc.freeze()
    times = [figure for name in _PIECES for figure in _figures(name, router, index)]
    return [*times, *await _quality()]


async def _quality() -> list[Figure]:
    """Of the default squad alone, and without a model."""
    squad = compile_router(default_squad())

    async def answer(_text: str, fast: Decision) -> Decision:
        return settle(squad, fast)

    made = await evaluate(_held_out(), lambda text: route(squad, text), answer)
    easy = [made.by_kind["plain"], made.by_kind["noisy"]]
    easy_ones = sum(each.messages for each in easy)
    answered = 100 * sum(each.answered_fast for each in easy) / easy_ones
    figures, shown = made.overall.figures(), f"{made.overall.messages} messages held out"
    right = 100 * figures["fast_path_accuracy"]
    return [
        at_least("routing: right of what the fast path answers", right, "%", RIGHT_GOAL, shown),
        at_least("routing: plain and noisy messages answered fast", answered, "%", ANSWERED_GOAL,
                 f"{easy_ones} of them"),
        Figure("routing: messages answered fast", round(100 * figures["fast_path_share"], 1), "%", shown),
        Figure("routing: right in the end, without a model", round(100 * figures["accuracy"], 1), "%", shown),
    ]  # fmt: skip


def _held_out() -> list[LabelledMessage]:
    lines = MESSAGES.read_text("utf-8").splitlines()
    return [each for each in read_messages(lines) if hashlib.sha256(each.id.encode()).digest()[0] % 2]


def _figures(name: str, router: Router, index: KeywordIndex) -> list[Figure]:
    piece = _PIECES[name]
    text = (piece * (TEXT_CHARACTERS // len(piece) + 1))[:TEXT_CHARACTERS]
    alone = _times_us(lambda: index.find(folded(text)))
    whole = _times_us(lambda: router.decide(text))
    shown = f"p50 {percentile(alone, 0.5):.0f} and {percentile(whole, 0.5):.0f} us"
    return [
        at_most(f"routing, {KEYWORDS} keywords, 10 kB, {name}: keywords, p99", percentile(alone, 0.99), "us",
                KEYWORDS_GOAL_US, shown),
        at_most(f"routing, {KEYWORDS} keywords, 10 kB, {name}: decide, p99", percentile(whole, 0.99), "us",
                DECIDE_GOAL_US, shown),
    ]  # fmt: skip


def _times_us(call: Callable[[], object]) -> list[float]:
    times: list[float] = []
    for _ in range(ROUNDS):
        begin_ns = time.thread_time_ns()
        call()
        times.append((time.thread_time_ns() - begin_ns) / 1e3)
    return times


def _tenant() -> list[AgentProfile]:
    """Ten agents of a tenant's own with a hundred keywords each."""
    share = KEYWORDS // 10
    return [
        AgentProfile(
            f"agent-{n}",
            keywords=tuple(f"keyword{n * share + k}" for k in range(share)),
            examples=tuple(f"please run procedure {k} of group {n} for the warehouse" for k in range(20)),
        )
        for n in range(10)
    ]
