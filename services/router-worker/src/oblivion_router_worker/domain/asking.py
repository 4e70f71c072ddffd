"""What a Slack message asks of an agent."""

import re
from collections.abc import Mapping

from oblivion_router_worker.domain.actions import STOP_REACTION
from oblivion_router_worker.domain.events import (
    ClickUpEvent,
    HomeOpened,
    Interaction,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    ReactionAdded,
    SessionStopped,
    SlackEvent,
    SlashCommand,
)
from oblivion_router_worker.domain.text import mrkdwn_to_markdown, truncate

QUESTION_MAX_UNITS = 39_000
LOOK_AT_THREAD = "Look at this thread and help with it."
_BLANKS = r"[ \t]{0,8}"


def is_direct(channel: str) -> bool:
    """A conversation of one person with the bot."""
    return channel.startswith("D")


def without_mention(text: str, bot_user_id: str | None) -> str:
    """The message without the bot's own name; the rest is as it was typed."""
    if not bot_user_id:
        return text.strip()
    tag = rf"<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>"
    return re.sub(rf"{_BLANKS}{tag}{_BLANKS}[:,]?{_BLANKS}", " ", text).strip()


def question_of(text: str, bot_user_id: str | None, names: Mapping[str, str]) -> str:
    """The question as Markdown; "" when nothing but the bot's name was said."""
    markdown = mrkdwn_to_markdown(without_mention(text, bot_user_id), names)
    return truncate(markdown.strip(), QUESTION_MAX_UNITS)


def asks_us(fact: MessagePosted) -> bool:
    """Whether a person's message is meant for an agent, wherever it was said."""
    return fact.mentions_bot or is_direct(fact.channel)


def is_for_app(fact: SlackEvent | ClickUpEvent) -> bool:
    """Whether somebody turned to the app: in words, with a reaction that stops a run, or at its surface."""
    match fact:
        case MessagePosted():
            return asks_us(fact)
        case MessageEdited():
            return fact.mentions_bot or is_direct(fact.channel)
        case MessageDeleted():
            return is_direct(fact.channel)
        case ReactionAdded():
            return fact.name == STOP_REACTION
        case Interaction() | SlashCommand() | SessionStopped() | HomeOpened():
            return True
        case _:
            return False
