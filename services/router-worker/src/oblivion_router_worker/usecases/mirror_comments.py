"""ClickUp comments as replies in their task's thread.

The comments are fetched, newest first and no further than needed; what the listing covers and what is known
of earlier copies are then compared. Our own comments are in that listing too: they are known by their id
once ClickUp has answered, and by their marker and text before that. ClickUp sends no event when a comment is
deleted, so a deletion shows with the next event of the task's comments.

The listing may lack a new comment: it is late, or answers another comment. After a while such a comment is
shown as its event tells it, and not taken for deleted until a listing has had it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from oblivion_platform.safe_json import MalformedBody
from oblivion_router_worker.domain.clickup_events import parse_clickup
from oblivion_router_worker.domain.clickup_objects import Comment
from oblivion_router_worker.domain.comment_view import render_comment
from oblivion_router_worker.domain.echoes import is_echo
from oblivion_router_worker.domain.effects import DeleteReply, PostReply, UpdateReply
from oblivion_router_worker.domain.events import CommentEdited, CommentPosted
from oblivion_router_worker.domain.records import Copy, Link, Origin, ShownTask, WaitingEvent
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.ports.reading import COMMENTS_PER_PAGE, ClickUpReads
from oblivion_router_worker.usecases.mirror_task import CLOCKS_DIFFER_BY, MirrorTask, NotYetVisible, Settling
from oblivion_router_worker.usecases.turn import Turn

_UNLISTED = "unlisted"
"""Version of a copy whose original no listing has shown."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """The newest comments of a task."""

    comments: Sequence[Comment]
    """Newest first."""
    is_complete: bool

    def covers(self, copy: Copy) -> bool:
        """Whether the copy's original would be in the listing if it still existed."""
        if copy.origin_version == _UNLISTED:
            return False
        if self.is_complete:
            return True
        oldest_ms = (self.comments[-1].posted_at_ms or 0) if self.comments else 0
        return copy.origin_version.isdecimal() and int(copy.origin_version) > oldest_ms

    def has(self, comment_id: str) -> bool:
        return any(comment.id == comment_id for comment in self.comments)

    def answers(self, other: WaitingEvent) -> bool:
        """Whether another event about the task's comments needs no look of its own."""
        if other.event_type != "taskCommentPosted" or other.body is None:
            return other.event_type == "taskCommentUpdated"
        try:
            fact = parse_clickup(other.body)
        except MalformedBody:
            return False
        # One that may call an agent is an event of its own.
        return isinstance(fact, CommentPosted) and self.has(fact.comment_id) and "@" not in fact.text


class MirrorComments:
    """Makes threads show what a task's comments are like now."""

    def __init__(
        self,
        clickup: ClickUpReads,
        mirror_task: MirrorTask,
        settling: Settling,
        *,
        app_url: str,
        pages_max: int,
    ) -> None:
        """`app_url`: where people open ClickUp; a comment's address is below it."""
        self._settling = settling
        self._clickup = clickup
        self._mirror_task = mirror_task
        self._app_url = app_url.rstrip("/")
        self._pages_max = pages_max

    async def on_event(self, turn: Turn, fact: CommentPosted | CommentEdited) -> str:
        """Decide what follows from a new or edited comment.

        Raises:
            NotYetVisible: a new comment that is not in the listing may be there in a moment.
        """
        links = await self._links(turn, fact.task_id)
        followed = [link for link in links if link.is_active and link.options.mirror_comments]
        if not followed:
            return "ignored:comments_not_mirrored" if links else "ignored:not_linked"
        if is_echo(fact.comment_id, fact.text, _channels(links), await _copies(turn, links)):
            return "ignored:echo"
        listing, copies = await self._listing(turn, links, fact.task_id, fact.comment_id)
        if (unlisted := self._unlisted(turn, fact, listing, copies)) is not None:
            for thread in _threads(turn, links, copies, self._app_url):
                await thread.show(unlisted, is_new=isinstance(fact, CommentPosted), is_listed=False)
        is_new = isinstance(fact, CommentPosted)
        await self._compare(turn, links, listing, copies, new_id=fact.comment_id if is_new else None)
        return "mirrored" if turn.effects else "unchanged"

    def _unlisted(
        self, turn: Turn, fact: CommentPosted | CommentEdited, listing: _Listing, copies: Sequence[Copy]
    ) -> Comment | None:
        """The event's own comment, where only the event can tell what it is like."""
        if listing.has(fact.comment_id):
            return None
        known = [c for c in copies if c.origin is Origin.CLICKUP and c.origin_id == fact.comment_id]
        is_new = isinstance(fact, CommentPosted)
        # Known and listed before: it is gone by now. A repeat must not bring an old text back.
        if is_new == bool(known) or any(copy.origin_version != _UNLISTED for copy in known):
            return None
        if is_new and not self._settling.is_over(turn):
            raise NotYetVisible("comment")
        return Comment(fact.comment_id, fact.text, fact.markdown, fact.author)

    async def follow(self, turn: Turn, task_id: str, links: Sequence[Link]) -> None:
        """Bring the threads of a task up to date after a blind time."""
        if any(link.is_active and link.options.mirror_comments for link in links):
            listing, copies = await self._listing(turn, links, task_id, None)
            await self._compare(turn, links, listing, copies, new_id=None)

    async def _links(self, turn: Turn, task_id: str) -> Sequence[Link]:
        links = await turn.decision.links.of_task(turn.event.integration.id, task_id, None)
        shown = [link for link in links if link.shown]
        if shown:
            return shown
        # A comment on a task that is not in its channel yet: its event may have been missed.
        return (await self._mirror_task(turn, task_id)).links

    async def _listing(
        self, turn: Turn, links: Sequence[Link], task_id: str, wanted_id: str | None
    ) -> tuple[_Listing, Sequence[Copy]]:
        """Read back to the wanted comment, or as far as is allowed; and all copies that may be listed.

        In this order: a reply is sent to ClickUp after its copy is written down, so that none of ours can be
        in the listing and not among the copies.
        """
        listing = await self._read_back(turn, task_id, wanted_id)
        return listing, await _copies(turn, links)

    async def _read_back(self, turn: Turn, task_id: str, wanted_id: str | None) -> _Listing:
        comments: list[Comment] = []
        integration, priority = turn.event.integration, turn.event.priority
        for _ in range(self._pages_max):
            before = comments[-1] if comments else None
            page = await self._clickup.comments(integration, task_id, before, priority=priority)
            comments += page
            if len(page) < COMMENTS_PER_PAGE:
                listing = _Listing(comments, is_complete=True)
                turn.cover_where(listing.answers)
                return listing
            if wanted_id is not None and any(comment.id == wanted_id for comment in page):
                break
        return _Listing(comments, is_complete=False)

    async def _compare(
        self,
        turn: Turn,
        links: Sequence[Link],
        listing: _Listing,
        copies: Sequence[Copy],
        *,
        new_id: str | None,
    ) -> None:
        """Decide about each comment in each thread, oldest first."""
        channels = _channels(links)
        originals = [
            comment
            for comment in reversed(listing.comments)
            if not is_echo(comment.id, comment.text, channels, copies)
        ]
        for thread in _threads(turn, links, copies, self._app_url):
            for comment in originals:
                await thread.show(comment, is_new=comment.id == new_id)
            await thread.remove_vanished(listing)


async def _copies(turn: Turn, links: Sequence[Link]) -> Sequence[Copy]:
    return await turn.decision.copies.of_tasks([link.shown.id for link in links if link.shown])


def _version(comment: Comment) -> str:
    return str(comment.posted_at_ms or 0)


def _channels(links: Sequence[Link]) -> dict[UUID, str]:
    return {link.shown.id: link.shown.channel for link in links if link.shown}


def _threads(turn: Turn, links: Sequence[Link], copies: Sequence[Copy], app_url: str) -> list["_Thread"]:
    return [
        _Thread(turn, link, link.shown, copies, app_url)
        for link in links
        if link.shown and link.is_active and link.options.mirror_comments
    ]


class _Thread:
    """One task's thread in one channel, and the comments that are copied there."""

    def __init__(
        self, turn: Turn, link: Link, shown: ShownTask, copies: Sequence[Copy], app_url: str
    ) -> None:
        self._turn = turn
        self._task_url = f"{app_url}/t/{shown.task_id}"
        self._link = link
        self._shown = shown
        self._copies = {
            copy.origin_id: copy
            for copy in copies
            if copy.origin is Origin.CLICKUP and copy.task_mapping_id == shown.id
        }

    async def show(self, comment: Comment, *, is_new: bool, is_listed: bool = True) -> None:
        """Copy the comment, or change its copy; comments from before the linking stay where they are."""
        message = self._message(comment)
        copy = self._copies.get(comment.id)
        if copy is None:
            if is_new or self._is_recent(comment):
                await self._post(comment, message, _version(comment) if is_listed else _UNLISTED)
            return
        if is_listed and copy.origin_version == _UNLISTED:
            copy = replace(copy, origin_version=_version(comment))
            await self._turn.decision.copies.save(copy)
        if copy.is_active and copy.content_hash != message.content_hash:
            await self._turn.decision.copies.save(replace(copy, content_hash=message.content_hash))
            body = UpdateReply(message.text, message.blocks)
            await self._turn.send(body, self._link, self._shown, copy.id)

    async def remove_vanished(self, listing: _Listing) -> None:
        """Delete the copies of comments that are gone."""
        for copy in self._copies.values():
            if copy.is_active and not listing.has(copy.origin_id) and listing.covers(copy):
                await self._turn.decision.copies.save(replace(copy, is_active=False))
                await self._turn.send(DeleteReply(), self._link, self._shown, copy.id)

    async def _post(self, comment: Comment, message: SlackMessage, version: str) -> None:
        copy = Copy(
            id=uuid4(),
            task_mapping_id=self._shown.id,
            origin=Origin.CLICKUP,
            origin_id=comment.id,
            origin_version=version,
            content_hash=message.content_hash,
            is_active=True,
            copy_id=None,
        )
        await self._turn.decision.copies.save(copy)
        await self._turn.send(PostReply(message.text, message.blocks), self._link, self._shown, copy.id)

    def _message(self, comment: Comment) -> SlackMessage:
        author = comment.author.name if comment.author else "Someone"
        return render_comment(author, comment.markdown, f"{self._task_url}?comment={comment.id}")

    def _is_recent(self, comment: Comment) -> bool:
        linked_ms = (self._link.linked_at - CLOCKS_DIFFER_BY).timestamp() * 1000
        return (comment.posted_at_ms or 0) >= linked_ms
