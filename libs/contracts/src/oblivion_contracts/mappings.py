"""A mapping joins one ClickUp list to one Slack channel; these are its options."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

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


class MappingOptions(Contract):
    """How a linked list and channel follow each other."""

    tasks: TaskSelection = TaskSelection.ALL
    task_tag: Annotated[str, Field(min_length=1, max_length=80)] = "@AI_Squad"
    filter: MessageFilter = MessageFilter()
    mirror_comments: bool = True
    """ClickUp comments appear in the task's thread."""
