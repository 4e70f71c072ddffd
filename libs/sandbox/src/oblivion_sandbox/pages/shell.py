"""What both pages share: templates, static files, and headers that let no foreign script run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' https: data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Shell:
    """Renders templates with everything escaped."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("oblivion_sandbox.pages"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Any] = {"hue": hue, "initials": initials, "moment": moment}
        self._environment.filters.update(filters)  # pyright: ignore[reportUnknownMemberType]

    def page(self, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        return HTMLResponse(self._environment.get_template(template).render(values), status, HEADERS)

    def static(self) -> list[Mount]:
        """The pages' own files, under each prefix that a proxy passes on."""
        files = StaticFiles(packages=[("oblivion_sandbox.pages", "static")])
        return [Mount("/slack/static", files), Mount("/clickup/static", files)]


def hue(name: str) -> int:
    """One of six colours for a name, the same each time."""
    return sum(name.encode()) % 6


def initials(name: str) -> str:
    words = name.split()
    return "".join(word[:1] for word in words[:2]).upper() or "?"


def moment(seconds: float | str) -> str:
    """An ISO time for the `datetime` attribute; the script shows it in the reader's own zone."""
    return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="seconds")
