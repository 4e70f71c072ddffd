"""`mappings link`: what is typed becomes options, or a sentence that says what was wrong."""

from typing import Any

import pytest

from oblivion_cli.commands.mapping_options import TypedTriggers, mapping_options
from oblivion_cli.errors import NotFound, UsageWrong
from oblivion_cli.usecases.mappings import by_user_id
from oblivion_contracts.mappings import MappingOptions

TEAMS = [
    {"id": "9", "members": [{"user": {"id": 7, "username": "Ben", "email": "ben@example.com"}}]},
    {"id": "10", "members": [{"user": {"id": 8, "username": "Zoe", "email": None}}]},
]


def triggers(**changes: Any) -> TypedTriggers:
    nothing: dict[str, Any] = {
        "default_agent": None,
        "on_mention": True,
        "on_assignee": None,
        "on_tag": None,
        "on_status": None,
        "answer_as_comment": False,
        "move": None,
    }
    return TypedTriggers(**(nothing | changes))


def options(**changes: Any) -> MappingOptions:
    return mapping_options(triggers(**changes), None, {})


def test_what_calls_an_agent_is_read_from_pairs() -> None:
    agents = options(
        on_tag=["robot=fixer"], on_status=["in progress = fixer"], move=["succeeded=review"]
    ).agents
    assert (agents.tags, agents.statuses) == ({"robot": "fixer"}, {"in progress": "fixer"})
    assert agents.status_map == {"succeeded": "review"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"on_tag": ["robot"]}, "--on-tag robot=fixer"),
        ({"on_assignee": ["=fixer"]}, "--on-assignee ben=fixer"),
        ({"move": ["done=review"]}, "mappings link --help"),
        ({"on_status": ["open=No Agent"]}, "mappings link --help"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageWrong) as refused:
        options(**changes)
    assert said in refused.value.fix


@pytest.mark.parametrize("typed", ["ben", "Ben", "BEN@example.com", "7"])
def test_clickup_users_are_known_by_name_address_and_id(typed: str) -> None:
    found = by_user_id(options(on_assignee=[f"{typed}=fixer"]), TEAMS, "9")
    assert found.agents.assignees == {"7": "fixer"}


def test_somebody_of_another_workspace_is_not_known() -> None:
    with pytest.raises(NotFound, match="no ClickUp user 'Zoe'"):
        by_user_id(options(on_assignee=["Zoe=fixer"]), TEAMS, "9")
