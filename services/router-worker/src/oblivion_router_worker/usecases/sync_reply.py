"""Replies in a task's thread as comments on the task, signed with their author's name.

Events of a reply come in any order: the copy keeps the version of the original (`edited.ts`, or the reply's
own ts) and an older one never wins. A deletion is the last version there can be, so a reply that is told
of after its deletion does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from oblivion_platform.errors import TransientFailure
from oblivion_router_worker.domain.comment_view import ClickUpComment, comment_from_slack
from oblivion_router_worker.domain.echoes import text_hash
from oblivion_router_worker.domain.effects import (
    METADATA_EFFECT_ID,
    METADATA_EVENT_TYPE,
    CreateComment,
    DeleteComment,
    UpdateComment,
)
from oblivion_router_worker.domain.events import (
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    SlackAuthor,
    SlackMetadata,
)
from oblivion_router_worker.domain.filters import text_to_copy
from oblivion_router_worker.domain.identifiers import uuid_or_none
from oblivion_router_worker.domain.mentions import unnamed_users
from oblivion_router_worker.domain.records import Copy, Link, Origin, ShownTask
from oblivion_router_worker.domain.slack_ts import slack_permalink, ts_key
from oblivion_router_worker.ports.reading import SlackReads
from oblivion_router_worker.usecases.turn import Turn

LAST_VERSION = "999999999999.999999"
"""Of a reply that was deleted: nothing comes after it."""
_UNSETTLED_RETRY_S = 0.3
_NAMES_MAX = 10
_UNKNOWN_WORKSPACE = "https://slack.com/"


class PostUnsettled(TransientFailure):
    """The thread may belong to a message of ours whose ts is not stored yet."""

    def __init__(self) -> None:
        super().__init__("post_unsettled", "a post of this channel is not settled yet", _UNSETTLED_RETRY_S)


@dataclass(frozen=True, slots=True)
class _Thread:
    link: Link
    shown: ShownTask


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply in the state that one event tells of."""

    channel: str
    ts: str
    thread_ts: str
    version: str
    text: str
    author: SlackAuthor
    metadata: SlackMetadata | None
    file_count: int = 0


class SyncReply:
    """Copies replies to ClickUp, and keeps the copies like their originals."""

    def __init__(self, slack: SlackReads) -> None:
        self._slack = slack

    async def on_message(self, turn: Turn, fact: MessagePosted | MessageEdited) -> str:
        """Decide what follows from a message that was posted or edited."""
        reply = _reply(fact)
        if reply is None:
            return "ignored:not_a_reply"
        if fact.author.is_us or await _was_sent_by_us(turn, fact.metadata):
            return "ignored:echo"
        thread = await _thread(turn, reply.channel, reply.thread_ts)
        if thread is None:
            return "ignored:not_a_task"
        copy = await turn.decision.copies.of_original(thread.shown.id, Origin.SLACK, reply.ts)
        if copy is not None and not _is_newer(reply, copy, is_edit=isinstance(fact, MessageEdited)):
            return "ignored:older_than_known"
        comment = await self._comment(turn, thread.link, reply)
        await _Copying(turn, thread, reply, copy).become(comment)
        return "synced" if turn.effects else "ignored:filtered"

    async def on_deletion(self, turn: Turn, fact: MessageDeleted) -> str:
        """Decide what follows from a deletion, also of a reply that was not told of yet."""
        if fact.thread_ts is None or fact.thread_ts == fact.ts:
            return "ignored:not_a_reply"
        if fact.author.is_us:
            return "ignored:echo"
        thread = await _thread(turn, fact.channel, fact.thread_ts)
        if thread is None:
            return "ignored:not_a_task"
        copy = await turn.decision.copies.of_original(thread.shown.id, Origin.SLACK, fact.ts)
        reply = _Reply(fact.channel, fact.ts, fact.thread_ts, LAST_VERSION, "", fact.author, None)
        await _Copying(turn, thread, reply, copy).become(None)
        return "synced" if turn.effects else "noted"

    async def _comment(self, turn: Turn, link: Link, reply: _Reply) -> ClickUpComment | None:
        """The comment that the reply should be; None when the mapping's filter leaves it in Slack."""
        text = text_to_copy(link.options.filter, reply.text, reply.metadata)
        if text is None:
            return None
        integration = turn.event.integration
        workspace_url = integration.config_text("workspace_url") or _UNKNOWN_WORKSPACE
        permalink = slack_permalink(workspace_url, reply.channel, reply.ts, reply.thread_ts)
        author = reply.author.name or await self._author_name(turn, reply.author)
        names = await self._names(turn, text)
        return comment_from_slack(text, author, permalink, names, file_count=reply.file_count)

    async def _author_name(self, turn: Turn, author: SlackAuthor) -> str:
        if author.user_id is None:
            return "An app"
        return await self._slack.user_name(turn.event.integration, author.user_id)

    async def _names(self, turn: Turn, text: str) -> Mapping[str, str]:
        users = unnamed_users(text)[:_NAMES_MAX]
        return {user: await self._slack.user_name(turn.event.integration, user) for user in users}


class _Copying:
    """One reply and its copy."""

    def __init__(self, turn: Turn, thread: _Thread, reply: _Reply, copy: Copy | None) -> None:
        self._turn = turn
        self._thread = thread
        self._reply = reply
        self._copy = copy

    async def become(self, comment: ClickUpComment | None) -> None:
        """Make the copy read as `comment`; None: there shall be none."""
        was_copied = self._copy is not None and self._copy.is_active
        unchanged = (
            was_copied
            and comment is not None
            and self._copy is not None
            and self._copy.content_hash == text_hash(comment.text)
        )
        copy = await self._save(comment)
        if comment is None:
            if was_copied:
                await self._send(DeleteComment(), copy)
        elif not was_copied:
            task_id = self._thread.shown.task_id
            await self._send(CreateComment(task_id, comment.blocks, comment.marker), copy)
        elif not unchanged:
            await self._send(UpdateComment(comment.blocks), copy)

    async def _save(self, comment: ClickUpComment | None) -> Copy:
        copy = self._copy or Copy(
            id=uuid4(),
            task_mapping_id=self._thread.shown.id,
            origin=Origin.SLACK,
            origin_id=self._reply.ts,
            origin_version=self._reply.version,
            content_hash="",
            is_active=False,
            copy_id=None,
        )
        changed = replace(
            copy,
            origin_version=self._reply.version,
            content_hash=copy.content_hash if comment is None else text_hash(comment.text),
            is_active=comment is not None,
        )
        await self._turn.decision.copies.save(changed)
        return changed

    async def _send(self, body: CreateComment | UpdateComment | DeleteComment, copy: Copy) -> None:
        await self._turn.send(body, self._thread.link, self._thread.shown, copy.id)


def _reply(fact: MessagePosted | MessageEdited) -> _Reply | None:
    if fact.thread_ts is None or fact.thread_ts == fact.ts:
        return None
    is_post = isinstance(fact, MessagePosted)
    return _Reply(
        channel=fact.channel,
        ts=fact.ts,
        thread_ts=fact.thread_ts,
        # Slack cuts `edited.ts` to whole seconds, so an edit soon after its post would look older than it.
        version=fact.ts if is_post else max(fact.ts, fact.edited_ts or fact.ts, key=ts_key),
        text=fact.text,
        author=fact.author,
        metadata=fact.metadata,
        file_count=fact.file_count,
    )


def _is_newer(reply: _Reply, copy: Copy, *, is_edit: bool) -> bool:
    told, known = ts_key(reply.version), ts_key(copy.origin_version)
    # Some edits come without their time; then only what is known to be later outdates them.
    return told > known or (told == known and is_edit)


async def _thread(turn: Turn, channel: str, thread_ts: str) -> _Thread | None:
    """The task whose thread this is.

    Raises:
        PostUnsettled: it may be a task's; that shows once the answer to the post is stored.
    """
    integration_id = turn.event.integration.id
    link = await turn.decision.links.of_thread(integration_id, channel, thread_ts)
    if link is None:
        if await turn.decision.links.has_unsettled_post(integration_id, channel, thread_ts):
            raise PostUnsettled
        # Its ts may have been stored between the two looks.
        link = await turn.decision.links.of_thread(integration_id, channel, thread_ts)
    if link is None or link.shown is None or not link.is_active:
        return None
    return _Thread(link, link.shown)


async def _was_sent_by_us(turn: Turn, metadata: SlackMetadata | None) -> bool:
    if metadata is None or metadata.event_type != METADATA_EVENT_TYPE:
        return False
    effect_id = uuid_or_none(metadata.payload.get(METADATA_EFFECT_ID))
    return effect_id is not None and await turn.decision.outbox.knows(effect_id)
