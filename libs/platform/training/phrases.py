"""What the weights are learnt from: written phrases, the squad's examples, the labelled tuning half."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from oblivion_platform.routing import default_squad

PHRASES = Path(__file__).parent / "phrases"
MESSAGES = Path(__file__).parents[3] / "tests" / "data" / "routing.jsonl"


@dataclass(frozen=True)
class Phrase:
    """A text and whose it is."""

    text: str
    agent: str
    kind: str
    weight: float


def is_tuning(message_id: str) -> bool:
    """Whether a labelled message is for tuning; the others are only ever reported on."""
    return hashlib.sha256(message_id.encode()).digest()[0] % 2 == 0


def labelled(*, tuning: bool) -> list[Phrase]:
    """One half of the labelled messages."""
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    return [
        Phrase(row["text"], row["agent"], row["kind"], 2.0) for row in rows if is_tuning(row["id"]) == tuning
    ]


def written() -> list[Phrase]:
    """Phrases written for training, a file for each agent, and the examples of the squad itself."""
    files = sorted(PHRASES.glob("*.txt"))
    own = [(file.stem, line) for file in files for line in file.read_text("utf-8").splitlines() if line]
    examples = [(profile.name, example) for profile in default_squad() for example in profile.examples]
    return [Phrase(text.replace("\\n", "\n"), agent, "written", 1.0) for agent, text in own + examples]
