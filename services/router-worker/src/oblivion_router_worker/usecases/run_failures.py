"""Why a run failed without its agent's doing, in words for the person who asked."""

from collections.abc import Sequence

from oblivion_contracts.runs import CATEGORY_MINUTES, Category, RunFailure

_NAMED_MAX = 20
GIVEN_UP = "the end of the run that asked for it"
"""By what work that was handed on is stopped."""

AGENT_UNKNOWN = RunFailure(
    code="agent_unknown",
    message="There is no such agent here any more, or it is switched off. `/oblivion agents` lists them.",
)
AGENT_ABSENT = RunFailure(
    code="agent_absent",
    message="The agent did not come online for a day, so I gave up. `/oblivion agents` shows who is online.",
)
NOBODY_CHOSE = RunFailure(
    code="nobody_chose",
    message="Nobody said for a day who should do this, so I gave up. Ask again, and name an agent.",
)
LEASES_LOST = RunFailure(
    code="leases_lost",
    message="The agent went away several times while it worked on this, so I gave up. Please ask again; if "
    "it happens once more, its logs say why.",
)
OVER_BUDGET = RunFailure(
    code="over_budget",
    message="The agent has used up what it may spend in a day. It takes work again after midnight (UTC); an "
    "admin can raise its limit.",
)

UNFORESEEN = RunFailure(
    code="unforeseen",
    message="Something failed on our side again and again, so I gave up. An admin sees what it was: "
    "`oblivion dead-letters list`.",
)


def agent_unsure(agents: Sequence[str]) -> RunFailure:
    names = ", ".join(f"@{name}" for name in agents[:_NAMED_MAX])
    return RunFailure(
        code="agent_unsure",
        message=f"I could not tell which agent should do this. Name one in your message: {names}.",
    )


def too_late(category: Category) -> RunFailure:
    minutes = CATEGORY_MINUTES[category]
    return RunFailure(
        code="too_late",
        message=f"It was not done within {minutes} minutes, so I stopped it. Ask for less at once.",
    )
