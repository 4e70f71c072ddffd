"""The rich_text block that Slack's client sends along with what a person typed."""

import re
import secrets

from oblivion_sandbox.store import Json

_SEQUENCE = re.compile(r"<([^<>\n]+)>")


def rich_text_block(text: str) -> Json:
    """One section of plain runs, mentions and links; marks such as `*bold*` stay in the text."""
    elements: list[Json] = []
    position = 0
    for match in _SEQUENCE.finditer(text):
        elements += [_run(text[position : match.start()]), _element(match.group(1))]
        position = match.end()
    elements.append(_run(text[position:]))
    section = {"type": "rich_text_section", "elements": [each for each in elements if each.get("text") != ""]}
    return {"type": "rich_text", "block_id": secrets.token_hex(3)[:5], "elements": [section]}


def _run(text: str) -> Json:
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return {"type": "text", "text": plain}


def _element(sequence: str) -> Json:
    target, _, label = sequence.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^")}
    if target in ("!here", "!channel", "!everyone"):
        return {"type": "broadcast", "range": target[1:]}
    if target.startswith("!"):
        return {"type": "text", "text": label or target}
    return {"type": "link", "url": target, **({"text": label} if label else {})}
