"""Which tasks appear in a channel, and which replies of their threads become comments."""

import re
from collections.abc import Mapping

from oblivion_contracts.mappings import FilterKind, MappingOptions, MessageFilter, TaskSelection
from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.events import SlackMetadata
from oblivion_router_worker.domain.text import escape
from oblivion_router_worker.domain.text.slack_tags import ChannelTag, parse_tag


def text_to_copy(
    message_filter: MessageFilter,
    text: str,
    metadata: SlackMetadata | None = None,
    names: Mapping[str, str] | None = None,
) -> str | None:
    """The reply's Slack text as it should be copied, or None when the filter leaves it in Slack.

    `names` (by channel id) matters where a keyword such as "#clickup" is also a channel's name:
    Slack then turns the typed word into a channel link.
    """
    match message_filter.kind:
        case FilterKind.ALL:
            return text
        case FilterKind.METADATA:
            return text if _metadata_matches(message_filter, metadata) else None
        case FilterKind.KEYWORD:
            rest, found = _without_keyword(text, message_filter.keyword, names or {})
            return rest if found else None


def is_selected(options: MappingOptions, task: Task) -> bool:
    """Tell whether a task of a linked list is shown in the channel."""
    if options.tasks is TaskSelection.ALL:
        return True
    word = re.compile(_word(options.task_tag), re.IGNORECASE)
    texts = (task.name, task.description_markdown, task.description_markdown.replace("\\", ""))
    tag = options.task_tag.lstrip("@#").casefold()
    return any(word.search(text) for text in texts) or any(
        name.lstrip("@#").casefold() == tag for name in task.tags
    )


def _metadata_matches(message_filter: MessageFilter, metadata: SlackMetadata | None) -> bool:
    if metadata is None or metadata.event_type != message_filter.event_type:
        return False
    return all(_as_text(metadata.payload.get(key)) == value for key, value in message_filter.payload.items())


def _as_text(value: object) -> str | None:
    """Metadata values may be numbers and booleans; options are written as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _without_keyword(text: str, keyword: str, names: Mapping[str, str]) -> tuple[str, bool]:
    """Cut the keyword out of the words of a text; in addresses and labels it is no keyword."""
    found = False

    def cut(match: re.Match[str]) -> str:
        nonlocal found
        before, tag, after = match.groups()
        if tag is not None and not _is_channel_named(tag, keyword, names):
            return match[0]
        found = True
        return " " if before and after else ""

    # Tags are matched too, so that a keyword inside one is passed over.
    blanks = r"([ \t]{0,8})"
    rest = re.sub(f"{blanks}(?:<([^<>]*)>|{_word(keyword)}){blanks}", cut, text, flags=re.IGNORECASE)
    return (rest.strip(), True) if found else (text, False)


def _is_channel_named(tag: str, keyword: str, names: Mapping[str, str]) -> bool:
    parsed = parse_tag(tag)
    if not isinstance(parsed, ChannelTag) or not keyword.startswith("#"):
        return False
    name = parsed.label or names.get(parsed.id) or ""
    return name.lstrip("#").casefold() == keyword[1:].casefold()


def _word(keyword: str) -> str:
    """A pattern of the keyword as a word of its own, as typed or as Slack escapes it."""
    either = "|".join(re.escape(form) for form in sorted({keyword, escape(keyword)}))
    return rf"(?<![\w#@/-])(?:{either})(?![\w/-])"
