"""The fast path: time per message at 1,000 keywords and 10 kB of text, friendly and hostile.

No peer does the same, so that the figures stand beside fixed limits. Each text is decided by a router that
has a tenant's 1,000 keywords beside the default squad; nothing is cached. It is processor time that counts:
who else uses the machine says nothing about the router.
"""

import gc
import time
from collections.abc import Callable

from oblivion_platform.routing import AgentProfile, Router, compile_router, default_squad
from oblivion_platform.routing.keywords import KeywordIndex
from oblivion_platform.routing.text import folded
from tests.bench.figures import Figure, at_most, percentile

KEYWORDS = 1_000
TEXT_CHARACTERS = 10_000
ROUNDS = 400
KEYWORDS_GOAL_US = 100.0
DECIDE_GOAL_US = 1_000.0
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
    return [figure for name in _PIECES for figure in _figures(name, router, index)]


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
