"""A data source's properties by what they are for, whatever a team has called them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.notion.rich_text import plain, plain_title, rich_text
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text
from oblivion_mcp_hub.providers.texts import one_line
from oblivion_mcp_hub.providers.voice import Refused

_DEADLINES = ("due", "deadline", "date")
_PEOPLE = ("assign", "owner", "responsible", "person")
OPTIONS_LISTED = 20


class NoSuchOption(Refused):
    """The status is none that the data source has; its schema may have changed."""


@dataclass(frozen=True)
class DataSource:
    """A table of pages, and which of its properties is which."""

    id: str
    title: str
    schema: Json

    @classmethod
    def of(cls, source: Json) -> "DataSource":
        return cls(
            as_text(source.get("id")),
            one_line(plain(source.get("title"))) or "untitled",
            as_object(source.get("properties")),
        )

    @property
    def title_name(self) -> str:
        return next(self._of("title"), "title")

    @property
    def status_name(self) -> str | None:
        """The property of type status, else a choice that is called so."""
        choices = (name for name in self._of("select") if "status" in name.lower())
        return next(self._of("status"), None) or next(choices, None)

    @property
    def deadline_name(self) -> str | None:
        return self._likely("date", _DEADLINES)

    @property
    def people_name(self) -> str | None:
        return self._likely("people", _PEOPLE)

    def _of(self, kind: str) -> Iterator[str]:
        return (name for name, about in self.schema.items() if as_object(about).get("type") == kind)

    def _likely(self, kind: str, words: tuple[str, ...]) -> str | None:
        """The one whose name says so, else the only one of its kind."""
        names = list(self._of(kind))
        fitting = [name for name in names if any(word in name.lower() for word in words)]
        return fitting[0] if fitting else names[0] if len(names) == 1 else None

    def status_filter(self, status: str, condition: str) -> Json:
        name, kind, option = self._status(status)
        return {"property": name, kind: {condition: option}}

    def values(self, title: str | None, status: str | None, deadline: str | None) -> Json:
        """Property values for what is given.

        Raises:
            Refused: the data source has no such property.
            NoSuchOption: it has no such status.
        """
        values: Json = {}
        if title is not None:
            values[self.title_name] = {"title": rich_text(title)}
        if status is not None:
            name, kind, option = self._status(status)
            values[name] = {kind: {"name": option}}
        if deadline is not None:
            if self.deadline_name is None:
                raise _missing(self.title, "date")
            values[self.deadline_name] = {"date": {"start": deadline}}
        return values

    def _status(self, wanted: str) -> tuple[str, str, str]:
        """Property, its type, and the option as it is written there."""
        name = self.status_name
        if name is None:
            raise _missing(self.title, "status")
        kind = as_text(as_object(self.schema[name]).get("type"))
        options = [
            as_text(each.get("name"))
            for each in as_objects(as_object(self.schema[name][kind]).get("options"))
        ]
        option = next((each for each in options if _same(each, wanted)), None)
        if option is None:
            known = ", ".join(one_line(each, 60) for each in options[:OPTIONS_LISTED])
            raise NoSuchOption(
                "notion_refused",
                f"There is no status {one_line(wanted, 60)!r} in {self.title}; there are: {known}.",
            )
        return name, kind, option


def _same(one: str, other: str) -> bool:
    fold: Callable[[str], str] = lambda text: "".join(text.casefold().split())  # noqa: E731
    return fold(one) == fold(other)


def _missing(title: str, kind: str) -> Refused:
    return Refused(
        "notion_refused", f"{title} has no property of type {kind}; leave it out, or add one to it in Notion."
    )


def page_title(page: Json) -> str:
    titles = (
        about
        for about in as_object(page.get("properties")).values()
        if as_object(about).get("type") == "title"
    )
    return plain_title(next(titles, None))


def status_of(page: Json) -> str | None:
    for about in as_object(page.get("properties")).values():
        if as_object(about).get("type") == "status":
            return one_line(as_object(as_object(about).get("status")).get("name"), 100) or None
    named = as_object(as_object(page.get("properties")).get("Status"))
    return one_line(as_object(named.get("select")).get("name"), 100) or None


def deadline_of(page: Json, source: DataSource) -> str | None:
    about = as_object(as_object(page.get("properties")).get(source.deadline_name or ""))
    return one_line(as_object(about.get("date")).get("start"), 40) or None


def people_of(page: Json, source: DataSource) -> tuple[str, ...]:
    about = as_object(as_object(page.get("properties")).get(source.people_name or ""))
    people = as_objects(about.get("people"))
    return tuple(one_line(each.get("name") or each.get("id"), 100) for each in people)
