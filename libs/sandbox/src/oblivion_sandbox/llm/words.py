"""Words as the stand-in compares them: without endings, without fillers, with a few synonyms made one."""

import re

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>|(?<!\w)@(?:[\w.-]|\\_)+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s")
_FILLERS = """
a an and are as at be been but by can could did do does for from had has have how i if in into is it its me my
of on or our please shall should so some that the their them then there these they this those to us was we
were what when where which who why will with would you your
"""
STOPWORDS = frozenset(_FILLERS.split())
_SAME = {
    "bug": "issue",
    "ticket": "issue",
    "card": "issue",
    "doc": "page",
    "document": "page",
    "wiki": "page",
    "note": "page",
    "appointment": "event",
    "meet": "event",
    "meeting": "event",
    "call": "event",
    "invite": "event",
    "remind": "event",
    "reminder": "event",
    "slot": "event",
    "pr": "pull",
    "repository": "repo",
    "codebase": "repo",
    "readme": "file",
    "source": "code",
    "chart": "analyse",
    "analysis": "analyse",
    "analyse": "analyse",
    "analyze": "analyse",
    "compare": "analyse",
    "trend": "analyse",
    "figure": "analyse",
    "summarise": "summary",
    "summarize": "summary",
    "recap": "summary",
    "tldr": "summary",
}


def stems(text: str) -> list[str]:
    """The meaningful words of a text, in order, each reduced to its stem."""
    found = (_same(word) for word in _WORD.findall(_split_names(text).casefold()))
    return [word for word in found if word and word not in STOPWORDS]


def _split_names(text: str) -> str:
    """`get_fileContents` as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.replace("_", " "))


def _same(word: str) -> str:
    stem = _stem(word)
    return _SAME.get(word) or _SAME.get(stem) or stem


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending) + ("y" if ending == "ies" else "")
    return word


def overlap(wanted: list[str], offered: list[str]) -> set[str]:
    """The stems that both hold; one may be the beginning of the other, as in `schedul` and `schedule`."""
    return {word for word in set(wanted) if any(_akin(word, other) for other in set(offered))}


def _akin(one: str, other: str) -> bool:
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= 4 and longer.startswith(shorter) and len(longer) - len(shorter) <= 3


def sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def without_mentions(text: str) -> str:
    """What is left to do once the names of the called are taken out."""
    return " ".join(_MENTION.sub(" ", text).split(" ")).strip()


def shortened(text: str, most: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"
