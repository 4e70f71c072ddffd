"""rich_text blocks as safe HTML: sections, lists, quotes and preformatted text."""

import html
from collections.abc import Mapping

from markupsafe import Markup

from oblivion_sandbox.json_values import as_object, as_objects
from oblivion_sandbox.pages.markup import emoji, mrkdwn_html
from oblivion_sandbox.store import Json

_STYLES = (("code", "code"), ("strike", "s"), ("italic", "em"), ("bold", "strong"))


def rich_html(block: Json, names: Mapping[str, str]) -> Markup:
    """The elements of a block, one after the other."""
    parts = [_part(part, names) for part in as_objects(block.get("elements"))]
    return Markup("".join(parts))  # noqa: S704  # each part is escaped below


def _part(part: Json, names: Mapping[str, str]) -> str:
    kind = part.get("type")
    if kind == "rich_text_list":
        tag = "ol" if part.get("style") == "ordered" else "ul"
        items = "".join(f"<li>{_runs(item, names)}</li>" for item in as_objects(part.get("elements")))
        return f"<{tag}>{items}</{tag}>"
    tag = {"rich_text_quote": "blockquote", "rich_text_preformatted": "pre"}.get(str(kind), "p")
    return f"<{tag}>{_runs(part, names)}</{tag}>"


def _runs(part: Json, names: Mapping[str, str]) -> str:
    return "".join(_run(run, names) for run in as_objects(part.get("elements")))


def _run(run: Json, names: Mapping[str, str]) -> str:
    kind = run.get("type")
    if kind in ("user", "channel"):
        sign, key = ("@", "user_id") if kind == "user" else ("#", "channel_id")
        return str(mrkdwn_html(f"<{sign}{run.get(key, '')}>", names))
    if kind == "link":
        return str(mrkdwn_html(f"<{run.get('url', '')}|{run.get('text') or run.get('url', '')}>", names))
    if kind == "emoji":
        return html.escape(emoji(str(run.get("name", ""))))
    shown = html.escape(str(run.get("text") or run.get("range") or "")).replace("\n", "<br>")
    style = as_object(run.get("style"))
    for name, tag in _STYLES:
        if style.get(name):
            shown = f"<{tag}>{shown}</{tag}>"
    return shown
