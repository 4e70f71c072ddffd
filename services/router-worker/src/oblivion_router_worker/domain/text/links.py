"""Which addresses may be a link, and how they are written so that no markup can break out of them."""

import re

from oblivion_router_worker.domain.text.escaping import escape
from oblivion_router_worker.domain.text.pings import calls_to_all

_ALLOWED = re.compile(r"(?:https?://|mailto:|tel:)[^\s]+", re.IGNORECASE)
# Delimiters of Slack's and Markdown's links, quotes, and everything invisible or blank.
_UNSAFE = re.compile(
    '[\\s<>|"`\\\\^{}\x00-\x20\x7f]|[\u0080-\u00a0\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff]'
)
URL_MAX_CHARS = 2_000


def safe_url(url: str) -> str | None:
    """The address, with unsafe characters percent-encoded; None when it must not become a link."""
    url = url.strip()
    if len(url) > URL_MAX_CHARS or _ALLOWED.match(url) is None:
        return None
    # Percent-encoded, so that "@here" in a path stays the same address and calls nobody.
    for position in reversed(calls_to_all(url)):
        url = f"{url[:position]}%40{url[position + 1 :]}"
    encoded = _UNSAFE.sub(lambda match: _percent(match[0]), url)
    return encoded if len(encoded) <= URL_MAX_CHARS else None


def slack_link(url: str, label: str | None = None) -> str | None:
    """<url|label> as Slack text from plain parts; None when the address must not become a link."""
    target = safe_url(url)
    if target is None:
        return None
    shown = " ".join((label or "").split())
    if not shown or shown == url:
        return f"<{escape(target)}>"
    return f"<{escape(target)}|{escape(shown)}>"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "ignore"))
