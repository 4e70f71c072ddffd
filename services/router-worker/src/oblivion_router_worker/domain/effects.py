"""What leaves for Slack and ClickUp: one effect, one outbox row, at most one visible change.

An effect is decided in the transaction that stores its reason and sent afterwards, in order per destination.
Targets that exist only once something else was sent (a thread's ts, a copy's id) are not part of it: they
are read when it is sent. Message metadata of type `METADATA_EVENT_TYPE` carries the effect's id, a ClickUp
comment carries `marker`, so that a send whose answer was lost can be looked up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias
from uuid import UUID, uuid4

from oblivion_router_worker.domain.effect_bodies import Blocks, EffectBody, Json
from oblivion_router_worker.domain.run_effects import RUN_BODIES, RunBody, coalesce_key_of

METADATA_EVENT_TYPE = "oblivion_effect"
METADATA_EFFECT_ID = "effect_id"


@dataclass(frozen=True, slots=True)
class PostTask(EffectBody):
    """Show a task in a channel; the answer's ts becomes `task_mappings.slack_ts`."""

    kind: ClassVar[str] = "slack.post_task"
    channel: str
    text: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class UpdateTask(EffectBody):
    """Show the task's newer state in its message."""

    kind: ClassVar[str] = "slack.update_task"
    text: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class PostReply(EffectBody):
    """Show a ClickUp comment in the task's thread; the answer's ts becomes `mirror_events.copy_id`."""

    kind: ClassVar[str] = "slack.post_reply"
    text: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class UpdateReply(EffectBody):
    kind: ClassVar[str] = "slack.update_reply"
    text: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class DeleteReply(EffectBody):
    """Take back a copied comment; `copy_id` is set once it is a dead letter.

    When a person retries that one, the comment may have a newer copy, which shall stay.
    """

    kind: ClassVar[str] = "slack.delete_reply"
    copy_id: str | None = None


@dataclass(frozen=True, slots=True)
class CreateComment(EffectBody):
    """Write a thread reply to its task; the answer's id becomes `mirror_events.copy_id`.

    `comment` is ClickUp's array of `{text, attributes}` and ends in `marker`, the reply's permalink.
    """

    kind: ClassVar[str] = "clickup.create_comment"
    task_id: str
    comment: Blocks
    marker: str


@dataclass(frozen=True, slots=True)
class UpdateComment(EffectBody):
    kind: ClassVar[str] = "clickup.update_comment"
    comment: Blocks


@dataclass(frozen=True, slots=True)
class DeleteComment(EffectBody):
    """Take back a copied reply; `copy_id` as in DeleteReply."""

    kind: ClassVar[str] = "clickup.delete_comment"
    copy_id: str | None = None


Body: TypeAlias = (
    PostTask
    | UpdateTask
    | PostReply
    | UpdateReply
    | DeleteReply
    | CreateComment
    | UpdateComment
    | DeleteComment
    | RunBody
)
Creation: TypeAlias = PostTask | PostReply | CreateComment
Update: TypeAlias = UpdateTask | UpdateReply | UpdateComment
Deletion: TypeAlias = DeleteReply | DeleteComment

_BODIES: Mapping[str, type[Body]] = {
    body.kind: body
    for body in (
        PostTask,
        UpdateTask,
        PostReply,
        UpdateReply,
        DeleteReply,
        CreateComment,
        UpdateComment,
        DeleteComment,
        *RUN_BODIES,
    )
}
KINDS = frozenset(_BODIES)
CREATION_OF: Mapping[str, str] = {
    UpdateTask.kind: PostTask.kind,
    UpdateReply.kind: PostReply.kind,
    DeleteReply.kind: PostReply.kind,
    UpdateComment.kind: CreateComment.kind,
    DeleteComment.kind: CreateComment.kind,
}
"""Kind of a change → kind of the effect that makes what it changes."""


def body_from_payload(kind: str, payload: Mapping[str, Any]) -> Body:
    """The body of a stored row.

    Raises:
        ValueError: a kind or fields that this version does not know.
    """
    body = _BODIES.get(kind)
    if body is None:
        raise ValueError(f"unknown kind of effect: {kind}")
    try:
        return body.from_payload(payload)
    except TypeError:
        raise ValueError(f"payload of {kind} has other fields than this version knows") from None


@dataclass(frozen=True, slots=True)
class Effect:
    """The envelope of a body: whose it is, where it goes, and what it belongs to."""

    tenant_id: UUID
    integration_id: UUID
    """The integration through which it leaves (Slack's for `slack.*`, ClickUp's for `clickup.*`)."""
    destination: str
    """Effects of one destination leave in order: `slack_destination(…)` or `clickup_destination(…)`."""
    body: Body
    task_mapping_id: UUID | None
    priority: int
    """As `EventPriority` of oblivion_contracts; decides its share of a ClickUp token's budget."""
    mirror_event_id: UUID | None = None
    """The comment or reply that is copied; None for the task's own message."""
    event_id: UUID | None = None
    """The inbound event that caused it."""
    run_id: UUID | None = None
    """The run that it shows."""
    id: UUID = field(default_factory=uuid4)

    @property
    def kind(self) -> str:
        return self.body.kind

    @property
    def coalesce_key(self) -> str | None:
        """Of two waiting updates with the same key only the later one is sent."""
        if isinstance(self.body, UpdateTask):
            return f"task:{self.task_mapping_id}"
        if isinstance(self.body, UpdateReply | UpdateComment):
            return f"copy:{self.mirror_event_id}"
        return coalesce_key_of(self.body, self.run_id)

    def to_payload(self) -> Json:
        return self.body.to_payload()


def slack_destination(integration_id: UUID, channel: str) -> str:
    return f"slack:{integration_id}:{channel}"


def clickup_destination(integration_id: UUID, task_id: str) -> str:
    return f"clickup:{integration_id}:{task_id}"
