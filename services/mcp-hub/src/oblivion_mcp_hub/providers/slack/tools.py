"""What agents can do in Slack. A message is text and nothing else: it calls nobody and carries no blocks."""

import asyncio
import html
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from oblivion_mcp_hub.providers import texts
from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.provider import ADDS, READS, Input, Output, tool
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text
from oblivion_mcp_hub.providers.slack.session import VOICE, SlackSession, next_cursor
from oblivion_platform.errors import OblivionFailure

MESSAGE_LENGTH_MAX = 12_000
QUOTED_LENGTH_MAX = 4_000
CHANNELS_SEARCHED = 10
MESSAGES_SEARCHED = 200
"""Of each channel, the latest."""

Channel = Annotated[str, Field(min_length=1, max_length=100)]
Ts = Annotated[str, Field(pattern=r"^\d{1,12}\.\d{1,6}$")]
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, Field(min_length=1, max_length=500)]
# Typed plainly it calls nobody either, unless a client is asked to parse it; a space keeps it so.
_BROADCAST = re.compile("([@\uff20\ufe6b])(?=(?:here|channel|everyone|group)\\b)", re.I)
_LINK = re.compile(r"<((?:https?|mailto|tel):[^<>|]*)(?:\|([^<>]*))?>")
_MENTION = re.compile(r"<([@#!])([^<>|]*)(?:\|([^<>]*))?>")


class Posted(Output):
    channel: str
    ts: str
    link: str | None = None


class ChannelView(Output):
    id: str
    name: str
    topic: str | None = None
    is_member: bool
    """Whether the app is in it, so that it can read and post there."""


class Channels(Output):
    channels: list[ChannelView]
    next_cursor: str | None = None


class User(Output):
    id: str
    name: str
    real_name: str | None = None
    title: str | None = None
    is_bot: bool = False
    is_guest: bool = False


class Users(Output):
    users: list[User]
    next_cursor: str | None = None


class Message(Output):
    channel: str
    ts: str
    user: str | None = None
    """Id of its author."""
    at: str
    text: str
    replies: int = 0


class Messages(Output):
    messages: list[Message]
    next_cursor: str | None = None


class FoundMessages(Output):
    messages: list[Message]
    searched: list[str]
    """Ids of the channels that were looked through."""


class PostMessage(Input):
    channel: Channel
    """Name of the channel, such as #launch, or its id."""
    text: Annotated[str, Field(min_length=1, max_length=MESSAGE_LENGTH_MAX)]
    """The message. *bold*, _italic_ and `code` are shown so; mentions are shown as text and call nobody."""
    thread: Ts | None = None
    """ts of the message to answer in its thread; left out: a message of its own."""


class GetChannels(Input):
    limit: Limit = 50
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class GetUsers(Input):
    limit: Limit = 50
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class History(Input):
    channel: Channel
    """Name of the channel, such as #launch, or its id."""
    thread: Ts | None = None
    """ts of a message, to read its thread, the oldest first."""
    limit: Limit = 30
    cursor: Cursor | None = None
    """`next_cursor` of the page before."""


class Search(Input):
    query: Annotated[str, Field(min_length=1, max_length=200)]
    """Words that the message has to hold, all of them."""
    channel: Channel | None = None
    """Only in this channel; left out: in the channels that the app is in."""
    limit: Limit = 20


async def post_message(slack: SlackSession, given: PostMessage) -> Posted:
    """Post a message in a Slack channel, or an answer in a thread, and return its link."""
    arguments: Json = {"text": _calling_nobody(given.text), "unfurl_links": False, "unfurl_media": False}
    arguments |= {"thread_ts": given.thread} if given.thread else {}
    channel = await slack.channel_id(given.channel)
    posted = await slack.change("chat.postMessage", channel=channel, **arguments)
    channel, ts = as_text(posted.get("channel")), as_text(posted.get("ts"))
    return Posted(channel=channel, ts=ts, link=await _link(slack, channel, ts))


def _calling_nobody(text: str) -> str:
    """Escaped, nothing in it is a mention, a link with another text, or markup of Slack's own."""
    return html.escape(_BROADCAST.sub("\\1 ", text), quote=False)


async def _link(slack: SlackSession, channel: str, ts: str) -> str | None:
    """Posted is posted: that its link could not be had is no failure."""
    try:
        found = await slack.ask("chat.getPermalink", channel=channel, message_ts=ts)
    except OblivionFailure:
        return None
    return as_text(found.get("permalink")) or None


async def get_channels(slack: SlackSession, given: GetChannels) -> Channels:
    """List the Slack channels that the app sees, and whether it is in them."""
    page, cursor = await slack.page_of_channels(given.limit, given.cursor)
    channels = [
        ChannelView(
            id=as_text(each.get("id")),
            name=texts.one_line(each.get("name"), 100),
            topic=texts.one_line(as_object(each.get("topic")).get("value")) or None,
            is_member=each.get("is_member") is True,
        )
        for each in page
    ]
    return Channels(channels=channels, next_cursor=cursor)


async def get_users(slack: SlackSession, given: GetUsers) -> Users:
    """List the people and bots of the Slack workspace, without those who left."""
    arguments: Json = {"limit": given.limit} | ({"cursor": given.cursor} if given.cursor else {})
    answer = await slack.ask("users.list", **arguments)
    there = (each for each in as_objects(answer.get("members")) if each.get("deleted") is not True)
    return Users(users=[_user(each) for each in there], next_cursor=next_cursor(answer))


def _user(each: Json) -> User:
    profile = as_object(each.get("profile"))
    return User(
        id=as_text(each.get("id")),
        name=texts.one_line(each.get("name"), 100),
        real_name=texts.one_line(each.get("real_name") or profile.get("real_name"), 100) or None,
        title=texts.one_line(profile.get("title"), 100) or None,
        is_bot=each.get("is_bot") is True,
        is_guest=each.get("is_restricted") is True or each.get("is_ultra_restricted") is True,
    )


async def history(slack: SlackSession, given: History) -> Messages:
    """Read the latest messages of a Slack channel, newest first, or the replies of a thread."""
    channel = await slack.channel_id(given.channel)
    arguments: Json = {"channel": channel, "limit": given.limit}
    arguments |= {"cursor": given.cursor} if given.cursor else {}
    arguments |= {"ts": given.thread} if given.thread else {}
    method = "conversations.replies" if given.thread else "conversations.history"
    answer = await slack.ask(method, **arguments)
    messages = [_message(channel, each) for each in as_objects(answer.get("messages"))]
    return Messages(messages=messages, next_cursor=next_cursor(answer))


async def search(slack: SlackSession, given: Search) -> FoundMessages:
    """Find words in the latest messages of the Slack channels that the app is in, newest first. Older
    messages are not looked through, and neither are threads."""
    if given.channel is not None:
        channels = [await slack.channel_id(given.channel)]
    else:
        channels = [each["id"] for each in await slack.channels() if each.get("is_member") is True]
    channels = channels[:CHANNELS_SEARCHED]
    if not channels:
        raise VOICE.not_there("channel with this app in it")
    found = await asyncio.gather(*(_fitting(slack, channel, given.query) for channel in channels))
    messages = sorted((each for some in found for each in some), key=lambda each: each.ts, reverse=True)
    return FoundMessages(messages=messages[: given.limit], searched=channels)


async def _fitting(slack: SlackSession, channel: str, query: str) -> list[Message]:
    answer = await slack.ask("conversations.history", channel=channel, limit=MESSAGES_SEARCHED)
    words = query.casefold().split()
    messages = (_message(channel, each) for each in as_objects(answer.get("messages")))
    return [each for each in messages if all(word in each.text.casefold() for word in words)]


def _message(channel: str, message: Json) -> Message:
    ts = as_text(message.get("ts"))
    replies = message.get("reply_count")
    return Message(
        channel=channel,
        ts=ts,
        user=as_text(message.get("user")) or None,
        at=datetime.fromtimestamp(float(ts or 0), UTC).isoformat(timespec="seconds"),
        text=texts.body(_readable(as_text(message.get("text"))), QUOTED_LENGTH_MAX),
        replies=replies if isinstance(replies, int) else 0,
    )


def _readable(text: str) -> str:
    """Slack's markup of mentions and links as people read them."""
    named = _MENTION.sub(lambda found: _name(found[1], found[2], found[3]), text)
    return html.unescape(_LINK.sub(lambda found: _address(found[1], found[2]), named))


def _name(sign: str, target: str, label: str | None) -> str:
    return f"{'@' if sign == '!' else sign}{label or target}"


def _address(url: str, label: str | None) -> str:
    return f"{label} ({url})" if label and label != url else url


TOOLS = (
    tool("postMessage", ADDS, PostMessage, post_message),
    tool("getChannels", READS, GetChannels, get_channels),
    tool("getUsers", READS, GetUsers, get_users),
    tool("history", READS, History, history),
    tool("search", READS, Search, search),
)
