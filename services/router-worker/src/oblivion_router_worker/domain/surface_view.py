"""The App Home, dialogs and lists that people open in Slack."""

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from oblivion_router_worker.domain import actions
from oblivion_router_worker.domain.run_view import OPTIONS_MAX, plain, render_question
from oblivion_router_worker.domain.slack_message import Block, SlackMessage, context, header, section
from oblivion_router_worker.domain.text import length_units, sanitise_mrkdwn, text_to_mrkdwn, truncate
from oblivion_router_worker.domain.words import SIGN_IN, YOUR_OTHER_ACCOUNTS

PROMPTS_MAX = 4
_QUESTION_MAX = 3_000
_METADATA_MAX_UNITS = 3_000
"""https://docs.slack.dev/reference/views/modal-views"""
_LIST_IN_ADDRESS = re.compile(r"/(?:li|l)/(?:[a-z0-9]{1,2}-)?([0-9]{1,20})(?:[/?-]|\Z)")
_STATES = {
    "queued": "waits for its turn",
    "routed": "about to start",
    "assigned": "about to start",
    "running": "at work",
    "waiting": "waits",
    "succeeded": "done",
    "failed": "failed",
    "cancelled": "stopped",
}


def render_agents(agents: Sequence[tuple[str, str, int]]) -> SlackMessage:
    """Name, description and connected replicas of each."""
    lines = [
        f"{':large_green_circle:' if online else ':white_circle:'} *{name}* "
        f"{truncate(text_to_mrkdwn(' '.join(words.split())), 160)}"
        for name, words, online in agents
    ]
    return _lines("Agents", lines or ["There are no agents yet: `oblivion agents create NAME`."])


def render_runs(runs: Sequence[tuple[UUID, str, str | None, str]]) -> SlackMessage:
    """Id, state, agent and question of each."""
    return _lines("Your runs", [_run_line(*run) for run in runs] or ["None of your runs is at work."])


def _run_line(run_id: UUID, state: str, agent: str | None, prompt: str) -> str:
    words = truncate(text_to_mrkdwn(" ".join(prompt.split())), 120)
    who = f"*{agent}* " if agent else ""
    return f"• {who}_{_STATES.get(state, state)}_: {words} (`{str(run_id)[:8]}`)"


def _lines(title: str, lines: Sequence[str]) -> SlackMessage:
    shown = sanitise_mrkdwn("\n".join(lines[:40]))
    return SlackMessage(f"{title}: {len(lines)}", (section(f"*{title}*\n{shown}"),))


def home_view(
    runs: Sequence[tuple[UUID, str, str | None, str]],
    agents: Sequence[tuple[str, str, int]],
    questions: Sequence[tuple[UUID, str, str]],
    *,
    sign_in_address: str | None = None,
) -> dict[str, Any]:
    """A person's App Home: their runs, who is online, what waits for an approval, what else is theirs."""
    blocks: list[Block] = [header("Oblivion"), *render_runs(runs).blocks, {"type": "divider"}]
    if questions:
        blocks.append(section("*Waiting for an approval*"))
        for approval_id, question, detail in questions[:10]:
            blocks += render_question(approval_id, None, question, detail).blocks
        blocks.append({"type": "divider"})
    blocks += [*render_agents(agents).blocks, context("Mention @oblivion in a channel, or write to it here.")]
    if sign_in_address is not None:
        blocks.append(context(SIGN_IN.format(address=sign_in_address)))
    blocks.append(context(YOUR_OTHER_ACCOUNTS))
    return {"type": "home", "blocks": blocks}


def ask_dialog(place: Mapping[str, str], agents: Sequence[str], quoted: str) -> dict[str, Any]:
    """ "Ask an agent…" about a message."""
    quote = truncate(text_to_mrkdwn(" ".join(quoted.split())), 500)
    options = [_option("Whoever fits", "-"), *(_option(name, name) for name in agents[: OPTIONS_MAX - 1])]
    return {
        "type": "modal",
        "callback_id": actions.ASK_DIALOG,
        "private_metadata": _metadata(place),
        "title": plain("Ask an agent"),
        "submit": plain("Ask"),
        "close": plain("Cancel"),
        "blocks": [
            *([section(f"&gt; {quote}")] if quote else []),
            _input(
                "Question",
                {
                    "type": "plain_text_input",
                    "action_id": "question",
                    "multiline": True,
                    "max_length": _QUESTION_MAX,
                },
            ),
            _input(
                "Agent",
                {
                    "type": "static_select",
                    "action_id": "agent",
                    "options": options,
                    "initial_option": options[0],
                },
            ),
        ],
    }


def task_dialog(place: Mapping[str, str], lists: Sequence[tuple[str, str]], name: str) -> dict[str, Any]:
    """A new ClickUp task, of a message (its words are the description) or one's own; `lists`: key, name."""
    options = [_option(title, key) for key, title in lists[:OPTIONS_MAX]]
    is_of_message = "ts" in place
    named = truncate(" ".join(name.split()) or "From Slack", 200) if is_of_message else None
    describing = {"type": "plain_text_input", "action_id": "description", "multiline": True}
    return {
        "type": "modal",
        "callback_id": actions.TASK_DIALOG,
        "private_metadata": _metadata(place),
        "title": plain("New ClickUp task"),
        "submit": plain("Create"),
        "close": plain("Cancel"),
        "blocks": [
            _input(
                "Name",
                {"type": "plain_text_input", "action_id": "name", "max_length": 250}
                | ({"initial_value": named} if named else {}),
            ),
            _input(
                "List",
                {
                    "type": "static_select",
                    "action_id": "list",
                    "options": options,
                    "initial_option": options[0],
                },
            ),
            *([] if is_of_message else [_input("Description", describing, is_optional=True)]),
        ],
    }


def link_dialog(place: Mapping[str, str]) -> dict[str, Any]:
    """A list whose tasks shall appear in the channel."""
    return {
        "type": "modal",
        "callback_id": actions.LINK_DIALOG,
        "private_metadata": _metadata(place),
        "title": plain("Link a ClickUp list"),
        "submit": plain("Link"),
        "close": plain("Cancel"),
        "blocks": [
            section("Tasks of the list appear in this channel; what is said in their threads goes back."),
            _input(
                "The list's address, or its id",
                {"type": "plain_text_input", "action_id": "list", "max_length": 500},
            ),
        ],
    }


_SETTINGS = {
    "unknown_users": (
        "Who may ask", {"guest": "Everybody here, as a guest", "refuse": "Only people who are known"},
    ),
    "slack_streaming": (
        "Steps while an agent works",
        {
            "off": "As one message that is edited", "direct": "Streamed in direct messages",
            "everywhere": "Streamed everywhere",
        },
    ),
}  # fmt: skip
AS_INSTALLED = "-"
"""The choice by which a tenant's setting says nothing."""


def settings_dialog(place: Mapping[str, str], settings: Mapping[str, str | None]) -> dict[str, Any]:
    """What admins decide for the whole workspace; `settings`: what the tenant says now."""
    return {
        "type": "modal",
        "callback_id": actions.SETTINGS_DIALOG,
        "private_metadata": _metadata(place),
        "title": plain("Oblivion's settings"),
        "submit": plain("Keep"),
        "close": plain("Cancel"),
        "blocks": [_setting(name, *shown, settings.get(name)) for name, shown in _SETTINGS.items()],
    }


def _setting(name: str, label: str, choices: Mapping[str, str], now: str | None) -> Block:
    options = [
        _option("As Oblivion was installed", AS_INSTALLED),
        *(_option(words, value) for value, words in choices.items()),
    ]
    chosen = next((option for option in options if option["value"] == now), options[0])
    return _input(
        label,
        {"type": "static_select", "action_id": name, "options": options, "initial_option": chosen},
    )


def list_id_of(typed: str) -> str:
    """The id in what somebody typed: an id, or an address such as `https://app.clickup.com/9/v/li/901`."""
    words = typed.strip().strip("<>").partition("|")[0]
    found = _LIST_IN_ADDRESS.search(words)
    return found[1] if found else words


def suggested_prompts(agents: Sequence[tuple[str, Sequence[str]]]) -> list[dict[str, str]]:
    """One example of each of the first agents that have any."""
    found = [(name, examples[0]) for name, examples in agents if examples]
    return [
        {"title": truncate(example, 60, suffix="…"), "message": truncate(example, 1_000)}
        for _, example in found[:PROMPTS_MAX]
    ]


def _metadata(place: Mapping[str, str]) -> str:
    """The place, for `place_of_dialog`; of a long `text` as much as Slack carries along."""
    text = place.get("text", "")

    def with_first(count: int) -> str:
        return json.dumps({**place, "text": text[:count]}, ensure_ascii=False)

    fitting = bisect_right(
        range(len(text) + 1), _METADATA_MAX_UNITS, key=lambda count: length_units(with_first(count))
    )
    return with_first(fitting - 1)


def place_of_dialog(private_metadata: str) -> dict[str, str]:
    """What we gave the dialog; only texts count."""
    try:
        found: object = json.loads(private_metadata or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, str)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _input(label: str, element: Mapping[str, Any], *, is_optional: bool = False) -> Block:
    field = {
        "type": "input",
        "block_id": str(element["action_id"]),
        "label": plain(label),
        "element": element,
    }
    return field | ({"optional": True} if is_optional else {})


def _option(text: str, value: str) -> dict[str, Any]:
    return {"text": plain(truncate(text, 75, suffix="…")), "value": value}
