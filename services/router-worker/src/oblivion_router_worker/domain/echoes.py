"""Knows our own comments when ClickUp tells us of them: by what was sent, never by who seems to have sent it.

The owner of the token writes comments too, so their name proves nothing; and people paste permalinks, so
a marker alone proves nothing either once the copy that carries it is known by its id.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from oblivion_router_worker.domain.comment_view import answered_run, marked_message
from oblivion_router_worker.domain.records import Copy, Origin

_BLANKS = re.compile(r"\s+")


def text_hash(comment_text: str) -> str:
    """Equal for comments that read the same, however ClickUp spaced them."""
    return hashlib.sha256(_BLANKS.sub("", comment_text).encode("utf-8")).hexdigest()


def is_echo(comment_id: str, text: str, channels: Mapping[UUID, str], copies: Sequence[Copy]) -> bool:
    """Tell whether a comment is the copy of a Slack reply, or an agent's answer, which Slack has already.

    `channels`: of each task's message, by the mapping's id. `copies`: all that are known of the task.
    """
    ours = [copy for copy in copies if copy.origin is Origin.SLACK]
    if any(copy.copy_id == comment_id for copy in ours):
        return True
    if answered_run(text) is not None:
        return True
    marked = marked_message(text)
    if marked is None:
        return False
    return any(
        copy.origin_id == marked.ts
        and channels.get(copy.task_mapping_id) == marked.channel
        # On its way and not yet answered, or known by another id but word for word the same.
        and (copy.copy_id is None or copy.content_hash == text_hash(text))
        for copy in ours
    )
