"""A run as Slack messages: at work, asking, answered, failed.

What agents and people say goes through the sanitiser, so that nothing a model writes can ping anybody; the
one mention is of the person who asked, once, when it is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from oblivion_contracts.runs import RunState
from oblivion_router_worker.domain.actions import (
    APPROVE,
    CANCEL,
    CHOOSE_AGENT,
    DENY,
    FEEDBACK,
    WRONG_AGENT,
    agent_choice,
    thumb,
)
from oblivion_router_worker.domain.slack_message import (
    FALLBACK_MAX_UNITS,
    SECTION_MAX_UNITS,
    Block,
    SlackMessage,
    context,
    section,
)
from oblivion_router_worker.domain.text import (
    disarm_tags,
    length_units,
    markdown_to_mrkdwn,
    sanitise_mrkdwn,
    sanitise_plain,
    split_text,
    text_to_mrkdwn,
    truncate,
)

SECTIONS_IN_ONE_MESSAGE = 3
WHOLE_MAX_UNITS = 12_000
"""Longer answers are files, with their beginning in the message."""
WHOLE_SECTIONS_MAX = 8
OPTIONS_MAX = 100
LABEL_MAX = 75
STREAM_MAX_UNITS = 11_000
"""Slack takes 12,000 characters at once."""
STEPS_MAX = 20
STEP_MAX_UNITS = 250
_ICONS = {
    RunState.SUCCEEDED: "white_check_mark",
    RunState.FAILED: "x",
    RunState.CANCELLED: "no_entry_sign",
}


@dataclass(frozen=True, slots=True)
class Working:
    """How far a run is."""

    run_id: UUID
    agent: str | None = None
    percent: int | None = None
    words: str = ""
    expected_s: float | None = None
    line: str | None = None
    """Instead of the progress: that it waits, and what for."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and what may be said about it."""

    run_id: UUID
    state: RunState
    agent: str | None
    words: str
    """The answer, or why there is none; Markdown."""
    took_s: float | None = None
    cost_usd: float = 0.0
    asker: str | None = None
    """Slack's id of the person who asked."""
    agents: Sequence[str] = ()
    """Who else could have answered."""


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """An answer as a file; `instead` is said where there can be none."""

    name: str
    title: str
    content: str = field(repr=False)
    instead: str


def render_working(working: Working) -> SlackMessage:
    """The message that is edited until the answer takes its place."""
    parts = [working.line] if working.line else _progress(working)
    line = " · ".join(["*Processing…*", *parts])
    usual = f" · usually {seconds(working.expected_s)}" if working.expected_s else ""
    small = context(f"run `{working.run_id}`{usual}")
    text = truncate(line.replace("*", ""), FALLBACK_MAX_UNITS)
    return SlackMessage(text, (section(line), small, _actions(_cancel(working.run_id))))


def _progress(working: Working) -> list[str]:
    parts = [f"*{working.agent}* is on it"] if working.agent else []
    if working.percent is not None:
        parts.append(f"{working.percent} %")
    words = text_to_mrkdwn(" ".join(working.words.split()))
    return [*parts, truncate(words, 500)] if words else parts


def render_steps(working: Working, steps: Sequence[tuple[int, str]]) -> list[Mapping[str, Any]]:
    """The same as chunks of a stream: a plan with one task for each step so far, known by its number.

    Said again they change nothing, so each time all of them are said.
    """
    title = working.line or " · ".join(["Processing…", *_progress(replace(working, words=""))])
    first = "Found who does it" if working.agent else "Looking for who does it"
    tasks = [("start", first), *((f"step-{number}", words) for number, words in steps[-STEPS_MAX:])]
    return [
        {"type": "plan_update", "title": _chunk_title(title.replace("*", ""))},
        *(
            {
                "type": "task_update",
                "id": name,
                "title": _chunk_title(words),
                "status": "in_progress" if (name, words) == tasks[-1] else "complete",
            }
            for name, words in tasks
        ),
    ]


def render_stream_start(working: Working) -> list[Mapping[str, Any]]:
    """What a stream begins with; its text names the run, by which the stream is known again."""
    return [
        *render_steps(working, ()),
        {"type": "markdown_text", "text": f"run `{working.run_id}`"},
    ]


def render_stream_end(words: str) -> list[Mapping[str, Any]]:
    """An answer's words as the last of a stream, before the message is rewritten as a plain one."""
    text = disarm_tags(sanitise_plain(words)).strip()
    return [{"type": "markdown_text", "text": "\n\n" + truncate(text, STREAM_MAX_UNITS)}] if text else []


def _chunk_title(words: str) -> str:
    line = " ".join(disarm_tags(sanitise_plain(words)).split()) or "…"
    return truncate(line, STEP_MAX_UNITS, suffix="…")


def render_ended(ended: Ended) -> list[SlackMessage]:
    """The end of a run: one message, and one more behind it when the answer is long.

    Of an answer that is longer still they show the beginning, and the whole is a file.
    """
    body = markdown_to_mrkdwn(ended.words, source_max_chars=200_000)
    body = body if body.strip() else "(an empty answer)"
    if ended.state is not RunState.SUCCEEDED:
        body = f":{_ICONS[ended.state]}: {body}"
    is_whole = length_units(body) <= WHOLE_MAX_UNITS
    parts = split_text(body, SECTION_MAX_UNITS, WHOLE_SECTIONS_MAX if is_whole else SECTIONS_IN_ONE_MESSAGE)
    pages = [
        parts[first : first + SECTIONS_IN_ONE_MESSAGE]
        for first in range(0, len(parts), SECTIONS_IN_ONE_MESSAGE)
    ]
    messages = [
        SlackMessage(truncate(page[0], FALLBACK_MAX_UNITS), tuple(section(part) for part in page))
        for page in pages
    ]
    last = messages[-1]
    more = [] if is_whole else [context(":page_facing_up: The whole answer is in the file below.")]
    messages[-1] = SlackMessage(last.text, (*last.blocks, *more, *_ending(ended)))
    return messages


def answer_file(ended: Ended) -> AnswerFile | None:
    """The whole answer, where messages do not hold it."""
    body = markdown_to_mrkdwn(ended.words, source_max_chars=200_000)
    if length_units(body) <= WHOLE_MAX_UNITS:
        return None
    instead = (
        "The whole answer should stand here as a file, which Slack does not take from this app (it needs the "
        f"scope `files:write`). `oblivion runs show {ended.run_id}` prints it."
    )
    return AnswerFile(f"answer-{ended.run_id}.md", "The whole answer", ended.words, instead)


def _ending(ended: Ended) -> list[Block]:
    asker = sanitise_mrkdwn(f"<@{ended.asker}>", allowed_user_ids={ended.asker}) if ended.asker else None
    facts = [
        asker,
        f"*{ended.agent}*" if ended.agent else None,
        seconds(ended.took_s) if ended.took_s is not None else None,
        f"${ended.cost_usd:.4f}" if ended.cost_usd else None,
        f"run `{ended.run_id}`",
    ]
    blocks = [context(" · ".join(fact for fact in facts if fact))]
    if ended.state is RunState.SUCCEEDED:
        blocks.append(_feedback(ended.run_id))
    if ended.agent and len(ended.agents) > 1 and ended.state is not RunState.CANCELLED:
        menu = _menu(WRONG_AGENT, "Wrong agent?", ended.run_id, [a for a in ended.agents if a != ended.agent])
        blocks.append(_actions(menu))
    return blocks


def render_said(agent: str | None, words: str) -> list[SlackMessage]:
    """What an agent says before its answer."""
    parts = split_text(markdown_to_mrkdwn(words, source_max_chars=24_000), SECTION_MAX_UNITS, 4)
    who = [context(f"*{agent}*")] if agent else []
    return [
        SlackMessage(truncate(part, FALLBACK_MAX_UNITS), (section(part), *(who if not index else ())))
        for index, part in enumerate(parts)
    ]


def render_question(approval_id: UUID, agent: str | None, question: str, detail: str) -> SlackMessage:
    """A question that the run waits for somebody to answer."""
    asked = truncate(markdown_to_mrkdwn(question), SECTION_MAX_UNITS - 200)
    blocks: list[Block] = [section(f":raised_hand: *{agent or 'The agent'} asks for approval*\n{asked}")]
    if detail.strip():
        blocks += [section(part) for part in split_text(markdown_to_mrkdwn(detail), SECTION_MAX_UNITS, 2)]
    yes = _button("Approve", APPROVE, str(approval_id), style="primary", confirm="Let the agent go on?")
    no = _button("Deny", DENY, str(approval_id), style="danger", confirm="Tell the agent not to?")
    return SlackMessage(
        truncate(f"Approval needed: {asked}", FALLBACK_MAX_UNITS), (*blocks, _actions(yes, no))
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's answer to a run's question."""

    is_approved: bool
    by: str
    comment: str
    at: float
    """Unix time (s)."""


def render_answered_question(question: str, verdict: Verdict) -> SlackMessage:
    """The same question once it has its answer: who gave it, and when."""
    asked = truncate(markdown_to_mrkdwn(question), SECTION_MAX_UNITS - 600)
    icon = ":white_check_mark: *Approved*" if verdict.is_approved else ":no_entry: *Denied*"
    said = f": {text_to_mrkdwn(truncate(verdict.comment, 300))}" if verdict.comment else ""
    line = f"{icon} by {text_to_mrkdwn(verdict.by) or 'somebody'}{said}"
    # Slack shows it in each reader's own time zone.
    at = datetime.fromtimestamp(verdict.at, UTC)
    when = f"<!date^{int(verdict.at)}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"
    return SlackMessage(truncate(line, FALLBACK_MAX_UNITS), (section(asked), context(f"{line} · {when}")))


def render_choice(run_id: UUID, agents: Sequence[str]) -> SlackMessage:
    """Nobody is likely enough: the person chooses."""
    line = "Who should do this? I could not tell from the message."
    return SlackMessage(
        line,
        (
            section(line),
            _actions(_menu(CHOOSE_AGENT, "Choose an agent", run_id, agents), _cancel(run_id)),
            context(f"run `{run_id}`"),
        ),
    )


def render_line(mrkdwn: str) -> SlackMessage:
    """A small line of the system's own; sanitised text only."""
    return SlackMessage(truncate(mrkdwn, FALLBACK_MAX_UNITS), (context(mrkdwn),))


def seconds(value: float) -> str:
    """ "4.2 s", "3 min 20 s"."""
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _cancel(run_id: UUID) -> Block:
    return _button("Stop", CANCEL, str(run_id), confirm="Stop this run? What was done so far stays done.")


def _button(text: str, action_id: str, value: str, *, style: str | None = None, confirm: str) -> Block:
    button: dict[str, Any] = {
        "type": "button",
        "text": plain(text),
        "action_id": action_id,
        "value": value,
        "confirm": {
            "title": plain("Are you sure?"),
            "text": plain(confirm),
            "confirm": plain("Yes"),
            "deny": plain("No"),
        },
    }
    return button | ({"style": style} if style else {})


def _menu(action_id: str, label: str, run_id: UUID, agents: Sequence[str]) -> Block:
    options = [
        {"text": plain(agent[:LABEL_MAX]), "value": agent_choice(run_id, agent)}
        for agent in agents[:OPTIONS_MAX]
    ]
    return {"type": "static_select", "action_id": action_id, "placeholder": plain(label), "options": options}


def _feedback(run_id: UUID) -> Block:
    buttons = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK,
        "positive_button": {"text": plain("Good answer"), "value": thumb(run_id, is_good=True)},
        "negative_button": {"text": plain("Bad answer"), "value": thumb(run_id, is_good=False)},
    }
    return {"type": "context_actions", "elements": [buttons]}


def _actions(*elements: Mapping[str, Any]) -> Block:
    return {"type": "actions", "elements": list(elements)}


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
