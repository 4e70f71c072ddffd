"""`mappings link`: what is typed becomes options, or a sentence that says what was wrong."""

from typing import Any

import pytest

from oblivion_cli.commands.mapping_options import TypedTriggers, mapping_options
from oblivion_cli.errors import NotFound, UsageWrong
from oblivion_cli.usecases.mappings import by_user_id
from oblivion_contracts.mappings import FilterKind, MappingOptions, MessageFilter

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


def filtered(payload: list[str] | None = None, **filtering: Any) -> MessageFilter:
    typed = {"kind": FilterKind.KEYWORD, "keyword": "#clickup", "event_type": None} | filtering
    return mapping_options(triggers(), payload, typed).filter


def test_which_replies_are_copied_is_read_from_what_was_typed() -> None:
    assert filtered() == MessageFilter()
    assert filtered(keyword="#task").keyword == "#task"
    assert filtered(kind=FilterKind.ALL).kind is FilterKind.ALL
    by_metadata = filtered(["env = prod"], kind=FilterKind.METADATA, event_type="deploy")
    assert (by_metadata.event_type, by_metadata.payload) == ("deploy", {"env": "prod"})


def test_a_filter_that_says_too_little_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageWrong, match="needs event_type"):
        filtered(kind=FilterKind.METADATA)
    with pytest.raises(UsageWrong, match="no pair"):
        filtered(["env"], kind=FilterKind.METADATA, event_type="deploy")


@pytest.mark.parametrize("typed", ["ben", "Ben", "BEN@example.com", "7"])
def test_clickup_users_are_known_by_name_address_and_id(typed: str) -> None:
    found = by_user_id(options(on_assignee=[f"{typed}=fixer"]), TEAMS, "9")
    assert found.agents.assignees == {"7": "fixer"}


def test_somebody_of_another_workspace_is_not_known() -> None:
    with pytest.raises(NotFound, match="no ClickUp user 'Zoe'"):
        by_user_id(options(on_assignee=["Zoe=fixer"]), TEAMS, "9")
