"""The options of `oblivion mappings link`: what is copied, and what calls an agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from oblivion_cli.errors import UsageWrong
from oblivion_contracts.mappings import (
    AgentTriggers,
    FilterKind,
    MappingOptions,
    MessageFilter,
    TaskSelection,
)

Tasks = Annotated[TaskSelection, typer.Option(help="All tasks, or those that carry the tag.")]
TaskTag = Annotated[str, typer.Option(help="The text that tags a task.")]
Filter = Annotated[FilterKind, typer.Option("--filter", help="Which thread replies become comments.")]
Keyword = Annotated[str, typer.Option(help="For --filter keyword.")]
EventType = Annotated[str | None, typer.Option(help="For --filter metadata: the metadata's event type.")]
Payload = Annotated[
    list[str] | None,
    typer.Option(help="For --filter metadata: KEY=VALUE that must be there; repeatable."),
]
Comments = Annotated[bool, typer.Option(help="Show ClickUp comments in the thread.")]
DefaultAgent = Annotated[
    str | None, typer.Option(metavar="AGENT", help="Answers in the channel, and to @AI_Squad in tasks.")
]
OnMention = Annotated[bool, typer.Option(help="A task or comment that names an agent calls it.")]
OnAssignee = Annotated[
    list[str] | None,
    typer.Option(metavar="USER=AGENT", help="What is assigned to this ClickUp user calls the agent."),
]
OnTag = Annotated[
    list[str] | None, typer.Option(metavar="TAG=AGENT", help="What gets this tag calls the agent.")
]
OnStatus = Annotated[
    list[str] | None,
    typer.Option(metavar="STATUS=AGENT", help="What is moved to this status calls the agent."),
]
AnswerAsComment = Annotated[bool, typer.Option(help="The answer also becomes a comment on the task.")]
Move = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STATE=STATUS",
        help="Where a run that is running, waiting, succeeded or failed moves its task.",
    ),
]


@dataclass(frozen=True)
class TypedTriggers:
    """What calls an agent, as it was typed."""

    default_agent: str | None
    on_mention: bool
    on_assignee: list[str] | None
    on_tag: list[str] | None
    on_status: list[str] | None
    answer_as_comment: bool
    move: list[str] | None

    def parsed(self) -> AgentTriggers:
        """Assignees still by the names that people gave them."""
        return AgentTriggers.model_validate(
            {
                "default_agent": self.default_agent,
                "on_mention": self.on_mention,
                "assignees": entries(self.on_assignee, "--on-assignee ben=fixer"),
                "tags": entries(self.on_tag, "--on-tag robot=fixer"),
                "statuses": entries(self.on_status, '--on-status "in progress=fixer"'),
                "answer_as_comment": self.answer_as_comment,
                "status_map": entries(self.move, "--move succeeded=review"),
            }
        )


def mapping_options(
    triggers: TypedTriggers, payload: list[str] | None, filtering: dict[str, Any], **copying: Any
) -> MappingOptions:
    """Raises: UsageWrong."""
    try:
        chosen = MessageFilter(**filtering, payload=entries(payload, "--payload team=blue"))
        return MappingOptions(filter=chosen, agents=triggers.parsed(), **copying)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageWrong(
            f"These options do not fit: {reason}.", "See `oblivion mappings link --help`."
        ) from None


def entries(pairs: Sequence[str] | None, such_as: str) -> dict[str, str]:
    """Raises: UsageWrong: one of them is no pair."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageWrong(f"{pair!r} is no pair with = in it.", f"Write {such_as}.")
        found[key.strip()] = value.strip()
    return found
