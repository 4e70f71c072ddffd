"""How good the default squad's fast path is on messages it was not tuned on.

`routing.jsonl` is halved by a hash of the id; the weights know one half, the other is judged here.
"""

import hashlib
import json
from pathlib import Path

from oblivion_platform.routing import Decision, compile_router, default_squad, route, settle
from oblivion_platform.routing.evaluation import Evaluation, LabelledMessage, evaluate

MESSAGES = Path(__file__).parents[5] / "tests" / "data" / "routing.jsonl"


def held_out() -> list[LabelledMessage]:
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    odd = [row for row in rows if hashlib.sha256(row["id"].encode()).digest()[0] % 2]
    return [LabelledMessage.model_validate(row) for row in odd]


async def judged() -> Evaluation:
    router = compile_router(default_squad())

    async def answer(_text: str, fast: Decision) -> Decision:
        return settle(router, fast)

    return await evaluate(held_out(), lambda text: route(router, text), answer)


async def test_what_the_fast_path_answers_is_right():
    made = await judged()
    assert made.overall.figures()["fast_path_accuracy"] >= 0.97


async def test_most_plain_and_noisy_messages_need_no_model():
    made = await judged()
    kinds = [made.by_kind["plain"], made.by_kind["noisy"]]
    assert sum(each.answered_fast for each in kinds) / sum(each.messages for each in kinds) >= 0.90


async def test_three_in_four_messages_need_no_model_and_the_guess_beats_chance_by_far():
    figures = (await judged()).overall.figures()
    assert figures["fast_path_share"] >= 0.75
    assert figures["accuracy"] >= 0.80
