"""A mapping joins one ClickUp list to one Slack channel; these are its options."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from oblivion_contracts.identifiers import AgentName
from oblivion_contracts.model import Contract


class TaskSelection(StrEnum):
    """Which tasks of a linked list appear in the channel."""

    ALL = "all"
    TAGGED = "tagged"
    """Only those whose name or description contains `task_tag`."""


class FilterKind(StrEnum):
    """Which replies of a task's thread become comments on the task."""

    KEYWORD = "keyword"
    ALL = "all"
    METADATA = "metadata"


class MessageFilter(Contract):
    """Decides which thread replies are copied to ClickUp."""

    kind: FilterKind = FilterKind.KEYWORD
    keyword: Annotated[str, Field(min_length=1, max_length=80)] = "#clickup"
    """Whole word, in any case; it is cut out of the comment."""
    event_type: Annotated[str, Field(max_length=255)] | None = None
    """Slack message metadata `event_type`; needed when `kind` is `metadata`."""
    payload: dict[str, str] = Field(default_factory=dict[str, str])
    """Entries that the metadata's `event_payload` must have too."""

    @model_validator(mode="after")
    def _metadata_names_its_event_type(self) -> Self:
        if self.kind is FilterKind.METADATA and not self.event_type:
            raise ValueError("a metadata filter needs event_type, the metadata event type to look for")
        return self


class AgentTriggers(Contract):
    """What turns a task of the list into a run, and what the run does to the task."""

    on_mention: bool = True
    """An agent's alias, or `@AI_Squad`, in the task's name, description or a comment."""
    assignees: Annotated[dict[str, AgentName], Field(max_length=50)] = {}
    """ClickUp user id → the agent that works on what is assigned to that user."""
    tags: Annotated[dict[str, AgentName], Field(max_length=50)] = {}
    """Tag → agent."""
    statuses: Annotated[dict[str, AgentName], Field(max_length=50)] = {}
    """Status that a task is moved to → agent."""
    default_agent: AgentName | None = None
    """Answers in the channel, and to `@AI_Squad` in tasks; None lets the router choose."""
    answer_as_comment: bool = False
    """The answer also becomes a comment on the task."""
    status_map: dict[Literal["running", "waiting", "succeeded", "failed"], str] = {}
    """State of the run → status that the task is moved to, where the list has it."""


class MappingOptions(Contract):
    """How a linked list and channel follow each other."""

    tasks: TaskSelection = TaskSelection.ALL
    task_tag: Annotated[str, Field(min_length=1, max_length=80)] = "@AI_Squad"
    filter: MessageFilter = MessageFilter()
    mirror_comments: bool = True
    """ClickUp comments appear in the task's thread."""
    agents: AgentTriggers = AgentTriggers()
