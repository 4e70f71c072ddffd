"""What a run shows in Slack and ClickUp, and what answers a person's click or command.

A run's messages are known by their ts, which the sender keeps in the run's `place` under the name that the
body gives (`keep_as`). A thread of None is the thread of the task's message that the effect belongs to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from oblivion_router_worker.domain.effect_bodies import Blocks, EffectBody, Json

PROGRESS_TS = "progress_ts"
"""Where a run's place keeps the ts of its one edited message."""
ANSWER_TS = "answer_ts"
STREAM_TS = "stream_ts"
"""The same ts, for as long as that message is a stream."""
STATUS_UNTIL = "status_until"
"""Unix time at which Slack has to be told again that the run is at work."""


@dataclass(frozen=True, slots=True)
class RunPost(EffectBody):
    """Say something about a run."""

    kind: ClassVar[str] = "slack.run_post"
    channel: str
    thread_ts: str | None
    text: str
    blocks: Blocks
    keep_as: str | None = None
    stream_to: Mapping[str, str] | None = None
    """As a stream that begins with `steps`, for this person; a plain message where Slack takes none."""
    steps: Blocks = ()


@dataclass(frozen=True, slots=True)
class RunEdit(EffectBody):
    """Make a run's message read otherwise. Progress gives way when Slack's budget runs low."""

    kind: ClassVar[str] = "slack.run_edit"
    channel: str
    target: str
    """The name that the message's ts is kept under."""
    text: str
    blocks: Blocks
    is_progress: bool = False
    steps: Blocks = ()
    """All of the run's steps so far, for a message that is a stream."""


@dataclass(frozen=True, slots=True)
class RunAnswer(EffectBody):
    """The end of a run: takes the place of its progress, or is posted when there is none."""

    kind: ClassVar[str] = "slack.run_answer"
    channel: str
    thread_ts: str | None
    text: str
    blocks: Blocks
    keep_as: str | None = ANSWER_TS
    words: Blocks = ()
    """The answer as chunks, for a message that is a stream, which they end."""


@dataclass(frozen=True, slots=True)
class RunFile(EffectBody):
    """The whole of an answer that is too long for messages; `text` is said where Slack takes no file.

    `name` is like no other's, because the file is looked up by it.
    """

    kind: ClassVar[str] = "slack.run_file"
    channel: str
    thread_ts: str | None
    name: str
    title: str
    content: str
    text: str


@dataclass(frozen=True, slots=True)
class SetReaction(EffectBody):
    """An emoji instead of another one."""

    kind: ClassVar[str] = "slack.set_reaction"
    channel: str
    ts: str
    add: str | None = None
    remove: str | None = None
    status: str | None = None
    """Also what Slack itself shows of the agent at work in the thread that the message began."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class SetSessionStatus(EffectBody):
    """What Slack itself shows of the agent at work in a thread; comfort only."""

    kind: ClassVar[str] = "slack.set_session_status"
    channel: str
    thread_ts: str
    status: str
    title: str = ""
    words: str = ""
    """What it does, where Slack shows that."""


@dataclass(frozen=True, slots=True)
class Whisper(EffectBody):
    """Something that only one person sees, and that is gone when they reload."""

    kind: ClassVar[str] = "slack.whisper"
    channel: str
    user: str
    thread_ts: str | None
    text: str
    blocks: Blocks = ()


@dataclass(frozen=True, slots=True)
class Respond(EffectBody):
    """The answer to a slash command or click, also where the app is not a member."""

    kind: ClassVar[str] = "slack.respond"
    response_url: str
    text: str
    blocks: Blocks = ()


@dataclass(frozen=True, slots=True)
class OpenView(EffectBody):
    """A dialog; Slack takes it within three seconds of the click, or not at all: then `instead` is said."""

    kind: ClassVar[str] = "slack.open_view"
    trigger_id: str
    view: Json
    channel: str | None = None
    user: str | None = None
    instead: str = ""


@dataclass(frozen=True, slots=True)
class PublishHome(EffectBody):
    """A person's App Home."""

    kind: ClassVar[str] = "slack.publish_home"
    user: str
    view: Json


@dataclass(frozen=True, slots=True)
class SuggestPrompts(EffectBody):
    """What one could ask, offered in a conversation with the bot."""

    kind: ClassVar[str] = "slack.suggest_prompts"
    channel: str
    thread_ts: str | None
    prompts: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RunComment(EffectBody):
    """A run's answer or question on its task. `comment` ends in `marker`; `reply_to` is what asked."""

    kind: ClassVar[str] = "clickup.run_comment"
    task_id: str
    comment: Blocks
    marker: str
    reply_to: str | None = None
    assignee: int | None = None
    """Whose thing to do it is."""
    keep_as: str | None = None


@dataclass(frozen=True, slots=True)
class CloseQuestion(EffectBody):
    """Nobody needs to do anything about a question any more; `target` is the name that it is kept under."""

    kind: ClassVar[str] = "clickup.close_question"
    task_id: str
    target: str
    comment: Blocks


@dataclass(frozen=True, slots=True)
class MoveTask(EffectBody):
    """Put the task into a status, where its list has it."""

    kind: ClassVar[str] = "clickup.move_task"
    task_id: str
    status: str


@dataclass(frozen=True, slots=True)
class CreateTask(EffectBody):
    """Make a task of a Slack message; `marker`, its permalink, stands at the description's end."""

    kind: ClassVar[str] = "clickup.create_task"
    list_id: str
    name: str
    description: str
    marker: str


RunBody: TypeAlias = (
    RunPost
    | RunEdit
    | RunAnswer
    | RunFile
    | SetReaction
    | SetSessionStatus
    | Whisper
    | Respond
    | OpenView
    | PublishHome
    | SuggestPrompts
    | RunComment
    | CloseQuestion
    | MoveTask
    | CreateTask
)
RUN_BODIES: tuple[type[RunBody], ...] = (
    RunPost,
    RunEdit,
    RunAnswer,
    RunFile,
    SetReaction,
    SetSessionStatus,
    Whisper,
    Respond,
    OpenView,
    PublishHome,
    SuggestPrompts,
    RunComment,
    CloseQuestion,
    MoveTask,
    CreateTask,
)
RunCreation: TypeAlias = RunPost | RunAnswer | RunFile | RunComment | CreateTask
"""Looked up before it is repeated."""


def coalesce_key_of(body: EffectBody, run_id: UUID | None) -> str | None:
    """Of two waiting effects with the same key in one destination only the later one is sent."""
    match body:
        case RunEdit(target=target):
            return f"run:{run_id}:{target}"
        case RunAnswer():
            return f"run:{run_id}:{PROGRESS_TS}"
        case PublishHome():
            return "home"
        case SetSessionStatus():
            return "status"
        case SetReaction(status=str()):
            return f"run:{run_id}:signs"
        case MoveTask():
            return f"run:{run_id}:status"
        case _:
            return None


def thread_destination(integration_id: UUID, channel: str, thread_ts: str) -> str:
    """Of what is said in a thread of its own: other threads of the channel do not wait for it."""
    return f"slack:{integration_id}:{channel}:{thread_ts}"


def marks_destination(integration_id: UUID, channel: str, ts: str) -> str:
    """Of reactions and statuses, which nothing else waits for."""
    return f"slack:{integration_id}:{channel}:{ts}:marks"


def person_destination(integration_id: UUID, user: str, what: str) -> str:
    """Of what one person sees: `home`, `view` or `answers`."""
    return f"slack:{integration_id}:{user}:{what}"
