"""Slack's mrkdwn and Markdown as safe HTML.

Everything a person or a program wrote is escaped here; only the tags written in this module and by
markdown-it (with HTML switched off) come out as tags.
"""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from markdown_it import MarkdownIt
from markupsafe import Markup

_TOKEN = re.compile(r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<sequence>[^<>\n]+)>", re.DOTALL)
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]*?\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]*?\S)~(?![\w~])"), r"<s>\1</s>"),
)
_QUOTE = re.compile(r"^&gt; ?(.*)$", re.MULTILINE)
_SAFE_LINK = re.compile(r"^(?:https?://|mailto:|tel:)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://(?:[\w\-./~%?=+:#@]|&amp;)+[\w/]")
_EMOJI = re.compile(r":([a-z0-9_+-]+):")
_EMOJIS = {
    "white_check_mark": "✅",
    "x": "❌",
    "eyes": "👀",
    "tada": "🎉",
    "rocket": "🚀",
    "warning": "⚠️",
    "bell": "🔔",
    "calendar": "📅",
    "memo": "📝",
    "speech_balloon": "💬",
    "link": "🔗",
    "lock": "🔒",
    "fire": "🔥",
    "+1": "👍",
    "-1": "👎",
    "thumbsup": "👍",
    "heart": "❤️",
    "hourglass_flowing_sand": "⏳",
    "red_circle": "🔴",
    "large_blue_circle": "🔵",
    "large_yellow_circle": "🟡",
    "white_circle": "⚪",
    "bust_in_silhouette": "👤",
    "triangular_flag_on_post": "🚩",
    "wave": "👋",
    "robot_face": "🤖",
    "no_entry_sign": "🚫",
    "no_entry": "⛔",
    "raised_hand": "✋",
    "large_green_circle": "🟢",
    "hourglass": "⌛",
    "question": "❓",
    "mag": "🔍",
    "hammer_and_wrench": "🛠",
    "zzz": "💤",
}
_DATE_FORMATS = {
    "date_num": "%Y-%m-%d",
    "date": "%B %-d, %Y",
    "date_short": "%b %-d, %Y",
    "date_long": "%A, %B %-d, %Y",
    "date_pretty": "%B %-d, %Y",
    "date_short_pretty": "%b %-d, %Y",
    "date_long_pretty": "%A, %B %-d, %Y",
    "time": "%H:%M",
    "time_secs": "%H:%M:%S",
}
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def markdown_html(text: str) -> Markup:
    """Markdown as HTML; tags in it come out as text."""
    return Markup(_markdown.render(text))  # noqa: S704  # rendered with HTML off


def emoji(name: str) -> str:
    """The sign of an emoji's name, or the name between colons."""
    return _EMOJIS.get(name.partition("::")[0], f":{name}:")


def mrkdwn_html(text: str, names: Mapping[str, str]) -> Markup:
    """Slack's mrkdwn as HTML; `names` gives users and channels by id."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(_token_html(match, names))
        return f"\x00{len(kept) - 1}\x00"

    flat = _TOKEN.sub(keep, text.replace("\x00", ""))
    escaped = html.escape(_unescape(flat))
    for pattern, replacement in _STYLES:
        escaped = pattern.sub(replacement, escaped)
    escaped = _QUOTE.sub(r"<blockquote>\1</blockquote>", escaped)
    escaped = _EMOJI.sub(lambda match: html.escape(emoji(match.group(1))), escaped)
    escaped = escaped.replace("</blockquote>\n", "</blockquote>").replace("\n", "<br>")
    return Markup(re.sub("\x00(\\d+)\x00", lambda match: kept[int(match.group(1))], escaped))  # noqa: S704


def editable_text(text: str, names: Mapping[str, str]) -> str:
    """Stored text as the person typed it, for the edit box."""

    def typed(match: re.Match[str]) -> str:
        sequence = match.group("sequence")
        if sequence is None:
            return match.group()
        target, _, label = sequence.partition("|")
        if target.startswith("@"):
            return "@" + names.get(target[1:], label or target[1:])
        if target.startswith("#"):
            return "#" + (label or names.get(target[1:], target[1:]))
        return f"@{target[1:]}" if target.startswith("!") else target

    return _unescape(_TOKEN.sub(typed, text))


def plain_html(text: str) -> Markup:
    """Plain text of a block: escaped, with emoji names shown as signs."""
    return Markup(_EMOJI.sub(lambda match: html.escape(emoji(match.group(1))), html.escape(text)))  # noqa: S704


def linked_html(text: str) -> Markup:
    """Plain text with its web addresses as links."""
    escaped = html.escape(text)
    return Markup(_ADDRESS.sub(_address_html, escaped))  # noqa: S704


def _address_html(match: re.Match[str]) -> str:
    # The escaped text is valid inside the attribute as it is.
    return f'<a href="{match.group()}" rel="noreferrer noopener" target="_blank">{match.group()}</a>'


def _token_html(match: re.Match[str], names: Mapping[str, str]) -> str:
    if (pre := match.group("pre")) is not None:
        return f"<pre>{html.escape(_unescape(pre).strip(chr(10)))}</pre>"
    if (code := match.group("code")) is not None:
        return f"<code>{html.escape(_unescape(code))}</code>"
    target, _, label = match.group("sequence").partition("|")
    return _sequence_html(_unescape(target), _unescape(label), names)


def _sequence_html(target: str, label: str, names: Mapping[str, str]) -> str:
    kind, name = target[:1], target[1:]
    if kind == "@":
        return f'<span class="mention">@{html.escape(names.get(name, label or name))}</span>'
    if kind == "#":
        return f'<span class="mention">#{html.escape(names.get(name, label or name))}</span>'
    if kind == "!":
        return _special_html(name, label)
    shown = html.escape(label or target)
    if not _SAFE_LINK.match(target):
        return shown
    return f'<a href="{html.escape(target)}" rel="noreferrer noopener" target="_blank">{shown}</a>'


def _special_html(name: str, label: str) -> str:
    if name.startswith("date^"):
        return html.escape(_date(name, label))
    shown = label or name.partition("^")[0]
    return f'<span class="mention loud">@{html.escape(shown.removeprefix("@"))}</span>'


def _date(name: str, fallback: str) -> str:
    _, seconds, pattern, *_rest = [*name.split("^"), ""]
    try:
        moment = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return fallback
    return re.sub(
        r"\{(\w+)\}",
        lambda found: (
            moment.strftime(_DATE_FORMATS[found.group(1)]) if found.group(1) in _DATE_FORMATS else ""
        ),
        pattern or fallback,
    )


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
