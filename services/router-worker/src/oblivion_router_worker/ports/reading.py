"""What decisions and the filling of gaps read from ClickUp and Slack.

All of it counts against the same budgets as what is sent. Raises, everywhere: RateLimited, AnswerLost or
DependencyUnavailable (later), AuthenticationFailed (the token is refused), PermanentFailure.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from oblivion_router_worker.domain.clickup_objects import Comment, Task
from oblivion_router_worker.domain.records import Integration


class ClickUpReads(Protocol):
    async def task(self, integration: Integration, task_id: str, *, priority: int) -> Task | None:
        """The task as it is now; None when it is gone. `priority` decides on the share of the budget."""
        ...

    async def comments(
        self, integration: Integration, task_id: str, before: Comment | None = None, *, priority: int
    ) -> Sequence[Comment]:
        """The newest comments, or those before `before`, newest first; fewer than a page at the end.

        A task that is gone has none.
        """
        ...

    async def tasks_updated_since(
        self, integration: Integration, list_id: str, since_ms: int, page: int
    ) -> tuple[Sequence[Task], bool]:
        """A page of a list's tasks changed after `since_ms`, closed and subtasks too; is it the last."""
        ...


COMMENTS_PER_PAGE = 25
"""https://developer.clickup.com/reference/gettaskcomments"""


class SlackReads(Protocol):
    async def user_name(self, integration: Integration, user_id: str) -> str:
        """The display name; the id itself when Slack does not know the person. May be minutes old."""
        ...

    async def is_public(self, tenant_id: UUID, integration_id: UUID, channel: str) -> bool:
        """Whether everybody in the workspace may read the channel; may be minutes old.

        Never raises: a channel that Slack does not tell of counts as private.
        """
        ...

    async def conversations(
        self, integration: Integration, cursor: str | None = None
    ) -> tuple[Sequence[str], str | None]:
        """A page of the conversations that the app takes part in, direct ones too; the next page's cursor."""
        ...

    async def history(
        self, integration: Integration, channel: str, oldest_ts: str, cursor: str | None = None
    ) -> tuple[Sequence[Mapping[str, object]], str | None]:
        """A page of a channel's messages after `oldest_ts`, with metadata, and the next page's cursor."""
        ...

    async def replies(
        self,
        integration: Integration,
        channel: str,
        thread_ts: str,
        oldest_ts: str,
        cursor: str | None = None,
    ) -> tuple[Sequence[Mapping[str, object]], str | None]:
        """A page of a thread's replies after `oldest_ts`, with metadata, and the next page's cursor."""
        ...
