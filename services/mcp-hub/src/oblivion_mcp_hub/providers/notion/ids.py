"""Ids of pages and data sources, out of whatever a person copies.

Source: https://developers.notion.com/docs/working-with-page-content#creating-a-page-with-content
"""

import re

from oblivion_mcp_hub.providers.texts import one_line
from oblivion_mcp_hub.providers.voice import Refused

_PEEKED = re.compile(r"[?&]p=([0-9a-f]{32})", re.I)
_ID = re.compile(r"(?:^|[/-])([0-9a-f]{32})(?:$|[?#&])", re.I)
_DASHED = re.compile(r"(?:^|/)([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?:$|[?#])", re.I)


def notion_id(given: str) -> str:
    """The id in an id, with dashes or without, or in a link.

    Raises:
        Refused: there is none in it.
    """
    found = _PEEKED.search(given) or _DASHED.search(given) or _ID.search(given)
    if found is None:
        raise Refused(
            "notion_refused",
            f"{one_line(given, 80)!r} is no id or link of Notion's; search finds them.",
        )
    plain = found[1].replace("-", "").lower()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
