"""What Slack and ClickUp tell us, as facts in the past tense.

`slack_events` and `clickup_events` turn raw bodies into these. The text fields are as the sender
wrote them (Slack's escaped mrkdwn, ClickUp's plain text): convert and sanitise before they leave.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unhandled:
    """An event that has no effect here; `kind` is fit for a metric's label, `reason` for a log."""

    kind: str
    reason: str = "not_subscribed"


# Slack


@dataclass(frozen=True, slots=True)
class SlackMetadata:
    """A message's metadata; the payload's values are whatever the posting app chose."""

    event_type: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SlackAuthor:
    """Who wrote a message: a person (`user_id`), an app (`bot_id`), or an app on a person's behalf."""

    user_id: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    name: str | None = None
    """A bot's display name for this one message."""
    team_id: str | None = None
    """The author's own company: another one than the event's workspace in Slack Connect."""
    is_us: bool = False
    """Written by the app that received the event."""
    is_foreign: bool = False
    """A Slack Connect partner."""

    @property
    def is_bot(self) -> bool:
        return self.bot_id is not None


@dataclass(frozen=True, slots=True)
class MessagePosted:
    """A new message. One mention may come twice, as `app_mention` and `message`: same channel and ts."""

    workspace_id: str | None
    channel: str
    ts: str
    thread_ts: str | None
    author: SlackAuthor
    text: str
    mentions_bot: bool = False
    is_broadcast: bool = False
    """A reply that was also sent to the channel."""
    subtype: str | None = None
    metadata: SlackMetadata | None = None
    file_count: int = 0
    channel_type: str | None = None
    """`channel` (public), `group`, `mpim` or `im`; None: the event does not say (an `app_mention`)."""

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """A message's text changed; mere link previews do not make one of these."""

    workspace_id: str | None
    channel: str
    ts: str
    thread_ts: str | None
    author: SlackAuthor
    text: str
    mentions_bot: bool = False
    metadata: SlackMetadata | None = None
    edited_ts: str | None = None
    """When the text became this one; orders the edits of a message, whose events may come in any order."""
    file_count: int = 0

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    """A message is gone; its author may be unknown."""

    workspace_id: str | None
    channel: str
    ts: str
    thread_ts: str | None
    author: SlackAuthor


@dataclass(frozen=True, slots=True)
class ChannelRenamed:
    workspace_id: str | None
    channel: str
    name: str


@dataclass(frozen=True, slots=True)
class ChannelArchived:
    """The channel takes no messages any more (archived or deleted)."""

    workspace_id: str | None
    channel: str


@dataclass(frozen=True, slots=True)
class ChannelUnarchived:
    workspace_id: str | None
    channel: str


@dataclass(frozen=True, slots=True)
class MemberJoined:
    workspace_id: str | None
    channel: str
    user_id: str
    is_us: bool
    """Our bot was invited."""
    inviter_id: str | None = None


@dataclass(frozen=True, slots=True)
class MemberLeft:
    workspace_id: str | None
    channel: str
    user_id: str
    is_us: bool
    """Our bot was removed: it can no longer post there."""


@dataclass(frozen=True, slots=True)
class AppUninstalled:
    workspace_id: str | None


@dataclass(frozen=True, slots=True)
class TokensRevoked:
    """Ids of the users whose tokens died; `bot_user_ids` says whether ours did."""

    workspace_id: str | None
    bot_user_ids: tuple[str, ...]
    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChosenAction:
    action_id: str
    block_id: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """A button, menu, shortcut or modal was used; `kind` is Slack's payload type."""

    workspace_id: str | None
    kind: str
    user_id: str
    channel: str | None = None
    message_ts: str | None = None
    thread_ts: str | None = None
    callback_id: str | None = None
    actions: tuple[ChosenAction, ...] = ()
    team_id: str | None = None
    """The person's own company."""
    message_text: str = field(default="", repr=False)
    values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What was filled into a dialog, by action id."""
    private_metadata: str = ""
    """What we gave the dialog to bring back."""
    trigger_id: str | None = field(default=None, repr=False)
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SlashCommand:
    workspace_id: str | None
    command: str
    text: str
    user_id: str
    channel: str
    trigger_id: str | None = field(default=None, repr=False)
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ReactionAdded:
    workspace_id: str | None
    channel: str
    ts: str
    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class SessionStopped:
    """Slack's own Stop was pressed in a thread."""

    workspace_id: str | None
    channel: str
    thread_ts: str
    user_id: str


@dataclass(frozen=True, slots=True)
class HomeOpened:
    workspace_id: str | None
    user_id: str
    channel: str | None
    tab: str


SlackEvent = (
    MessagePosted
    | MessageEdited
    | MessageDeleted
    | ChannelRenamed
    | ChannelArchived
    | ChannelUnarchived
    | MemberJoined
    | MemberLeft
    | AppUninstalled
    | TokensRevoked
    | Interaction
    | SlashCommand
    | ReactionAdded
    | SessionStopped
    | HomeOpened
    | Unhandled
)


# ClickUp


@dataclass(frozen=True, slots=True)
class ClickUpUser:
    """A member as events and tasks name one; the e-mail is left out on purpose."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class TaskCreated:
    webhook_id: str | None
    task_id: str
    actor: ClickUpUser | None = None


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """Some of the task's fields changed: fetch it, for the event may be old. `fields` may be empty."""

    webhook_id: str | None
    task_id: str
    fields: frozenset[str] = frozenset()
    actor: ClickUpUser | None = None


@dataclass(frozen=True, slots=True)
class TaskDeleted:
    webhook_id: str | None
    task_id: str


@dataclass(frozen=True, slots=True)
class TaskMoved:
    """The task changed its list; ids are None where the event does not tell."""

    webhook_id: str | None
    task_id: str
    from_list_id: str | None = None
    to_list_id: str | None = None


@dataclass(frozen=True, slots=True)
class CommentPosted:
    """A comment was written. `markdown` comes from its formatted parts, `text` is plain."""

    webhook_id: str | None
    task_id: str
    comment_id: str
    text: str
    markdown: str
    author: ClickUpUser | None = None
    posted_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CommentEdited:
    webhook_id: str | None
    task_id: str
    comment_id: str
    text: str
    markdown: str
    author: ClickUpUser | None = None


ClickUpEvent = TaskCreated | TaskChanged | TaskDeleted | TaskMoved | CommentPosted | CommentEdited | Unhandled
