# ruff: noqa: T201 - a script that prints its table.
"""Learn `prior.tsv` again, after phrases, the lexicon or the features have changed.

    .venv/bin/uv pip install scikit-learn wordllama      # needed here alone
    .venv/bin/python libs/platform/training/fit.py [--write]

Multinomial logistic regression over the features of `oblivion_platform.routing`, from written phrases,
variations of them, and the tuning half of the labelled messages. Prints a cross-validation first, in which a
phrase's variations are never trained on when the phrase itself is judged; --write then fits all and writes.
The other half of the labelled messages is only ever reported on, by `oblivion routes eval`.
"""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from phrases import Phrase, labelled, written
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from variations import varied

from oblivion_platform.routing.features import spoken
from oblivion_platform.routing.lexicon import lexicon
from oblivion_platform.routing.prior import SCALE

AGENTS = ("analysis", "calendar", "general", "github", "notion", "tickets")
ROUTING = Path(__file__).parents[1] / "src" / "oblivion_platform" / "routing"
SEEN_AT_LEAST = 2
INVERSE_PENALTY = 1.0
FOLDS = 5
WORD = re.compile(r"▁([A-Za-z]{4,})")

Features = list[list[str]]


def common_words() -> frozenset[str]:
    """Whole words in the vocabulary of wordllama's tokenizer: what must not be taken for a typing error."""
    import wordllama

    folder = Path(wordllama.__file__).parent
    model: Any = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    found = (WORD.fullmatch(token) for token in model.tokenizer.get_vocab())
    return frozenset(match[1].casefold() for match in found if match)


class Fit:
    """Columns and their weights."""

    def __init__(self, features: Features, phrases: list[Phrase]) -> None:
        counts: dict[str, int] = {}
        for each in features:
            for name in set(each):
                counts[name] = counts.get(name, 0) + 1
        names = sorted(name for name, count in counts.items() if count >= SEEN_AT_LEAST)
        self.columns = {name: at for at, name in enumerate(names)}
        self._model = LogisticRegression(C=INVERSE_PENALTY, max_iter=400)
        self._model.fit(
            self._matrix(features),
            [AGENTS.index(each.agent) for each in phrases],
            sample_weight=[each.weight for each in phrases],
        )

    def believe(self, features: Features) -> np.ndarray:
        return self._model.predict_proba(self._matrix(features))

    def lines(self) -> list[str]:
        weights = np.rint(self._model.coef_.T * SCALE).astype(int)
        bias = np.rint(self._model.intercept_ * SCALE).astype(int)
        rows = {name: weights[at] + (bias if name == "bias" else 0) for name, at in self.columns.items()}
        return [f"{name}\t{' '.join(map(str, row))}" for name, row in rows.items() if np.abs(row).max() > 1]

    def _matrix(self, features: Features) -> csr_matrix:
        cells = [
            (row, self.columns[name])
            for row, each in enumerate(features)
            for name in dict.fromkeys(each)
            if name in self.columns
        ]
        at = tuple(zip(*cells, strict=True))
        return csr_matrix((np.ones(len(cells)), at), shape=(len(features), len(self.columns)))


def heard(phrases: list[Phrase], known: frozenset[str]) -> Features:
    return [spoken(each.text, known).features for each in phrases]


def fit(phrases: list[Phrase], known: frozenset[str]) -> Fit:
    own = [each for each in phrases if each.kind == "written"]
    whole = phrases + varied(own, lexicon().imperatives)
    return Fit(heard(whole, known), whole)


def cross_validate(phrases: list[Phrase], known: frozenset[str]) -> np.ndarray:
    order = np.random.default_rng(7).permutation(len(phrases))
    beliefs = np.zeros((len(phrases), len(AGENTS)))
    for fold in range(FOLDS):
        held = sorted(order[fold::FOLDS].tolist())
        kept = sorted(set(range(len(phrases))) - set(held))
        made = fit([phrases[at] for at in kept], known)
        beliefs[held] = made.believe(heard([phrases[at] for at in held], known))
    return beliefs


def tell(title: str, phrases: list[Phrase], beliefs: np.ndarray) -> None:
    best = beliefs.argmax(axis=1)
    right = best == [AGENTS.index(each.agent) for each in phrases]
    sure = beliefs.max(axis=1)
    print(f"{title}: {len(phrases)} messages, right {right.mean():.3f}")
    for threshold in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        taken = sure >= threshold
        print(f"   from {threshold:.2f}: answers {taken.mean():.3f}, right {right[taken].mean():.4f}")
    for at in np.argsort(-sure)[:400]:
        if not right[at] and sure[at] >= 0.85:
            each = phrases[at]
            print(f"   {sure[at]:.2f} {AGENTS[best[at]]:9} not {each.agent:9} {each.kind:10} {each.text!r}")


def main() -> None:
    known = common_words()
    phrases = written() + labelled(tuning=True)
    beliefs = cross_validate(phrases, known)
    for title, kinds in (("written", True), ("tuning", False)):
        chosen = [at for at, each in enumerate(phrases) if (each.kind == "written") is kinds]
        tell(f"{title}, cross-validated", [phrases[at] for at in chosen], beliefs[chosen])
    if "--write" in sys.argv:
        lines = ["\t".join(AGENTS), *fit(phrases, known).lines()]
        (ROUTING / "prior.tsv").write_text("\n".join(lines) + "\n", "utf-8")
        (ROUTING / "words.txt").write_text("\n".join(sorted(known)) + "\n", "utf-8")
        print(f"{len(lines)} lines")


if __name__ == "__main__":
    main()
