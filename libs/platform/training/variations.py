"""More phrases from those that were written, by rules that also say whose they are.

"remind me to <any wish>" is a reminder, "how do I <any wish>?" a question, "<A>, but first <B>" is B's. And
typing errors change nobody's mind.
"""

import random
from collections.abc import Callable

from phrases import Phrase

WEIGHT = 0.35
_NESTED: tuple[tuple[str, str], ...] = (
    ("remind me to {}", "calendar"),
    ("please remind me tomorrow to {}", "calendar"),
    ("remind the team to {} by Friday", "calendar"),
    ("book a meeting to {}", "calendar"),
    ("block an hour so that I can {}", "calendar"),
    ("schedule a call about how to {}", "calendar"),
    ("how do I {}?", "general"),
    ("how can I {} myself?", "general"),
    ("what's the best way to {}?", "general"),
    ("is it possible to {}?", "general"),
    ("create a ticket to {}", "tickets"),
    ("open a task in ClickUp: {}", "tickets"),
    ("log it for later: {}", "tickets"),
    ("file an issue so that someone can {}", "tickets"),
    ("add a story to the backlog: {}", "tickets"),
    ('add "{}" to my to-do list', "notion"),
    ("new to-do: {}", "notion"),
    ("write a wiki page on how to {}", "notion"),
    ('create a page called "{}"', "notion"),
    ("put a checklist item in notion: {}", "notion"),
    ("fix the script that should {}", "github"),
    ("write a test for the function that should {}", "github"),
)
_POLITE = (
    "please {}",
    "can you {}?",
    "could you {} please",
    "{} pls",
    "hey, {}",
    "{} asap",
    "hi! {} thx",
    "I need you to {}",
)
_LATER: tuple[str, ...] = (
    "{a}, then {b}",
    "{a} and then {b}",
    "{a}. After that {b}",
    "first {a}, then {b}",
    "{b}, but first {a}",
    "before you {b}, {a}",
    "{b}, but before that {a}",
    "1. {a}\n2. {b}",
    "- {a}\n- {b}",
    "{a} first. Then {b}",
    "{b} after you are done with this: {a}",
    "no need to {b}, just {a}",
    "don't {b} yet, {a}",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def varied(phrases: list[Phrase], imperatives: set[str], seed: int = 11) -> list[Phrase]:
    """New phrases, the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - varies phrases, guards nothing
    wishes = [each for each in phrases if _is_wish(each, imperatives)]
    made: list[Phrase] = []
    for template, agent in _NESTED:
        made += [_made(template.format(_plain(each.text)), agent) for each in dice.sample(wishes, 22)]
    for _ in range(500):
        first, second = dice.sample(wishes, 2)
        text = dice.choice(_LATER).format(a=_plain(first.text), b=_plain(second.text))
        made.append(_made(text, first.agent))
    for each in dice.sample(wishes, min(300, len(wishes))):
        made.append(_made(dice.choice(_POLITE).format(_plain(each.text)), each.agent))
    english = [each for each in phrases if each.text.isascii() and len(each.text) > 12]
    made += [_made(_mistyped(each.text, dice), each.agent) for each in dice.sample(english, 500)]
    return made


def _is_wish(phrase: Phrase, imperatives: set[str]) -> bool:
    words = phrase.text.casefold().split()
    is_short = 3 <= len(words) <= 12 and "\n" not in phrase.text
    return phrase.agent != "general" and is_short and words[0] in imperatives and "?" not in phrase.text


def _plain(text: str) -> str:
    return text.rstrip(".!").replace('"', "'")


def _made(text: str, agent: str) -> Phrase:
    return Phrase(text, agent, "varied", WEIGHT)


def _mistyped(text: str, dice: random.Random) -> str:
    words = text.split(" ")
    for _ in range(max(1, len(words) // 4)):
        at = dice.randrange(len(words))
        if len(words[at]) > 3 and words[at].isalpha():
            words[at] = dice.choice(_ERRORS)(words[at], dice.randrange(1, len(words[at]) - 1), dice)
    return " ".join(words)


_ERRORS: tuple[Callable[[str, int, random.Random], str], ...] = (
    lambda word, at, _: word[:at] + word[at + 1 :],
    lambda word, at, _: word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    lambda word, at, _: word[:at] + word[at] + word[at:],
    lambda word, at, dice: word[:at] + dice.choice(_LETTERS) + word[at + 1 :],
)
