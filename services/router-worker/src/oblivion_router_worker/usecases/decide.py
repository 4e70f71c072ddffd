"""Which use case a fact belongs to."""

from collections.abc import Awaitable, Callable

from oblivion_router_worker.domain.asking import is_for_app
from oblivion_router_worker.domain.events import (
    AppUninstalled,
    ChannelArchived,
    ChannelRenamed,
    ChannelUnarchived,
    CommentEdited,
    CommentPosted,
    MemberJoined,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    TaskChanged,
    TaskCreated,
    TaskDeleted,
    TaskMoved,
    TokensRevoked,
    Unhandled,
)
from oblivion_router_worker.usecases.handle_event import Fact
from oblivion_router_worker.usecases.keep_links import keep_links, note_lost_installation
from oblivion_router_worker.usecases.mirror_comments import MirrorComments
from oblivion_router_worker.usecases.mirror_task import MirrorTask
from oblivion_router_worker.usecases.sync_reply import SyncReply
from oblivion_router_worker.usecases.task_triggers import TaskTriggers
from oblivion_router_worker.usecases.turn import Turn

ANSWERED_ELSEWHERE = "ignored:answered_elsewhere"
"""Of what people say to an app that another tenant's agents answer for."""

Agents = Callable[[Turn, Fact], Awaitable[str | None]]
"""What an event means for agents; None: nothing."""


class Decide:
    """Implements `handle_event.Decide`."""

    def __init__(
        self,
        mirror_task: MirrorTask,
        mirror_comments: MirrorComments,
        sync_reply: SyncReply,
        agents: Agents,
        triggers: TaskTriggers,
    ) -> None:
        self._mirror_task = mirror_task
        self._mirror_comments = mirror_comments
        self._sync_reply = sync_reply
        self._agents = agents
        self._triggers = triggers

    def at_once(self, fact: Fact) -> str | None:
        """Our own words come back from Slack as often as we write: nothing follows from them."""
        match fact:
            case Unhandled():
                return f"ignored:{fact.reason}"
            case MessagePosted() | MessageEdited() if fact.author.is_us:
                return "ignored:echo"
            case _:
                return None

    async def __call__(self, turn: Turn, fact: Fact) -> str:
        """Decide, and return the outcome's code."""
        if turn.event.integration.answers:
            asked = await self._agents(turn, fact)
            mirrored = await self._mirror(turn, fact)
            return asked or mirrored
        # The app is shared, and people's words to it are another tenant's: only the mirror sees them here.
        mirrored = await self._mirror(turn, fact)
        is_elsewhere = mirrored.startswith("ignored:") and is_for_app(fact)
        return ANSWERED_ELSEWHERE if is_elsewhere else mirrored

    async def _mirror(self, turn: Turn, fact: Fact) -> str:
        match fact:
            case AppUninstalled() | TokensRevoked():
                return await note_lost_installation(turn, fact)
            case _ if not turn.event.has_links:
                return "ignored:nothing_linked"
            case TaskCreated() | TaskChanged() | TaskDeleted() | TaskMoved():
                return await self._task(turn, fact)
            case CommentPosted() | CommentEdited():
                return await self._comment(turn, fact)
            case MessagePosted() | MessageEdited():
                return await self._sync_reply.on_message(turn, fact)
            case MessageDeleted():
                return await self._sync_reply.on_deletion(turn, fact)
            case ChannelRenamed() | ChannelArchived() | ChannelUnarchived() | MemberJoined() | MemberLeft():
                return await keep_links(turn, fact)
            case _:
                return "ignored:not_subscribed"

    async def _comment(self, turn: Turn, fact: CommentPosted | CommentEdited) -> str:
        mirrored = await self._mirror_comments.on_event(turn, fact)
        called = await self._triggers.on_comment(turn, fact) if isinstance(fact, CommentPosted) else None
        return called or mirrored

    async def _task(self, turn: Turn, fact: TaskCreated | TaskChanged | TaskDeleted | TaskMoved) -> str:
        is_gone = isinstance(fact, TaskDeleted)
        mirrored = await self._mirror_task(turn, fact.task_id, is_gone=is_gone)
        called = None
        if mirrored.task is not None and not isinstance(fact, TaskDeleted):
            called = await self._triggers.on_task(turn, fact, mirrored.task, mirrored.links)
        if turn.event.is_gap_filling and mirrored.task is not None:
            await self._mirror_comments.follow(turn, fact.task_id, mirrored.links)
            return called or ("mirrored" if turn.effects else mirrored.outcome)
        return called or mirrored.outcome
