"""GET /notion, /linear, /jira, /calendar: what is there, to look at; the links of the APIs lead here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_sandbox.jira.document import text_of
from oblivion_sandbox.jira.site import Site
from oblivion_sandbox.linear.resolvers import Objects as LinearObjects
from oblivion_sandbox.notion import objects as notion_objects
from oblivion_sandbox.notion.properties import plain_values
from oblivion_sandbox.pages.shell import Shell
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.service import Vendor


@dataclass(frozen=True)
class Sheet:
    """One page: facts and text of a thing, or links to several."""

    title: str
    facts: list[tuple[str, object]] = field(default_factory=list[tuple[str, object]])
    paragraphs: list[str] = field(default_factory=list[str])
    entries: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Address and name."""


Look = Callable[[Vendor, dict[str, str]], Sheet | None]
"""What an address shows; None when there is nothing."""


class VendorPages:
    """The pages of one vendor; they only show."""

    def __init__(self, vendor: Vendor, place: str, shell: Shell, looks: dict[str, Look]) -> None:
        self._vendor = vendor
        self._place = place
        self._shell = shell
        self._looks = looks

    def routes(self) -> list[Route]:
        at = f"/{self._vendor.side}"
        return [Route(at + path, self._page(look)) for path, look in self._looks.items()]

    def _page(self, look: Look) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            found = look(self._vendor, {**request.query_params, **request.path_params})
            sheet = found or Sheet("There is nothing here (any more)")
            values = {"side": self._vendor.side, "place": self._place, **vars(sheet)}
            return self._shell.page("vendor.html", values, 200 if found else 404)

        return page


def notion_list(vendor: Vendor, _given: dict[str, str]) -> Sheet:
    shapes = notion_objects.Objects(vendor, "/notion")
    pages = vendor.documents.all("page", lambda page: not page["in_trash"])
    pages.reverse()
    return Sheet(
        "Pages", entries=[(shapes.url(shapes.title(page), page["id"]), shapes.title(page)) for page in pages]
    )


def notion_page(vendor: Vendor, given: dict[str, str]) -> Sheet | None:
    page = vendor.documents.get("page", notion_objects.as_id(given["slug"].rpartition("-")[2]))
    if page is None:
        return None
    shapes = notion_objects.Objects(vendor, "/notion")
    facts: list[tuple[str, object]] = [*plain_values(page["properties"], shapes.schema_of(page))]
    facts += [("In the trash", "yes")] if page["in_trash"] else []
    blocks = [vendor.documents.get("block", key) for key in page["children"]]
    texts = [notion_objects.text_of(block) for block in blocks if block and not block["in_trash"]]
    return Sheet(shapes.title(page), facts, texts)


def linear_list(vendor: Vendor, _given: dict[str, str]) -> Sheet:
    issues = LinearObjects(vendor, "/linear").issues()
    return Sheet(
        "Issues", entries=[(each["url"], f"{each['identifier']} {each['title']}") for each in issues]
    )


def linear_issue(vendor: Vendor, given: dict[str, str]) -> Sheet | None:
    shapes = LinearObjects(vendor, "/linear")
    issue = next((each for each in shapes.issues(trashed=True) if each["identifier"] == given["issue"]), None)
    if issue is None:
        return None
    facts = [("State", issue["state"]["name"]), ("Priority", issue["priorityLabel"])]
    comments = [f"{_name(each['user']())}: {each['body']}" for each in shapes.comments(issue)]
    text = [issue["description"]] if issue["description"] else []
    return Sheet(
        f"{issue['identifier']} {issue['title']}",
        [*facts, ("Assignee", _name(issue["assignee"]()))],
        [*text, *comments],
    )


def _name(user: Json | None) -> str:
    return str(user["name"]) if user else "nobody"


def jira_list(vendor: Vendor, _given: dict[str, str]) -> Sheet:
    issues = vendor.documents.all("issue")
    return Sheet(
        "Issues",
        entries=[(f"/jira/browse/{each['key']}", f"{each['key']} {each['summary']}") for each in issues],
    )


def jira_issue(vendor: Vendor, given: dict[str, str]) -> Sheet | None:
    issue = vendor.documents.get("issue", given["issue"].upper())
    if issue is None:
        return None
    site = Site(vendor, "/jira")
    assignee = (site.user(issue["assignee"]) or {}).get("displayName", "nobody")
    facts = [("Status", issue["status"]), ("Type", issue["issuetype"]), ("Priority", issue["priority"])]
    comments = [
        f"{(site.user(each['author']) or {}).get('displayName')}: {text_of(each['body'])}"
        for each in site.comments(issue)
    ]
    text = [text_of(issue["description"])] if issue["description"] else []
    return Sheet(f"{issue['key']} {issue['summary']}", [*facts, ("Assignee", assignee)], [*text, *comments])


def calendar_list(vendor: Vendor, _given: dict[str, str]) -> Sheet:
    events = vendor.documents.all("event", lambda event: event["status"] != "cancelled")
    entries = [
        (f"/calendar/event?eid={each['id']}", f"{_when(each['start'])} {each['summary']}") for each in events
    ]
    return Sheet("Events", entries=sorted(entries, key=lambda entry: entry[1]))


def calendar_event(vendor: Vendor, given: dict[str, str]) -> Sheet | None:
    event = vendor.documents.get("event", given.get("eid", ""))
    if event is None:
        return None
    guests = ", ".join(str(each["email"]) for each in event.get("attendees", ()))
    facts = [("From", _when(event["start"])), ("To", _when(event["end"])), ("Calendar", event["calendar"])]
    more = [("Place", event.get("location")), ("Guests", guests)]
    text = [event["description"]] if event.get("description") else []
    return Sheet(event.get("summary") or "untitled", [*facts, *(fact for fact in more if fact[1])], text)


def _when(value: Json) -> str:
    return str(value.get("dateTime") or value.get("date"))


NOTION: dict[str, Look] = {"": notion_list, "/{slug}": notion_page}
LINEAR: dict[str, Look] = {"": linear_list, "/oblivion/issue/{issue}/{title}": linear_issue}
JIRA: dict[str, Look] = {"": jira_list, "/browse/{issue}": jira_issue}
CALENDAR: dict[str, Look] = {"": calendar_list, "/event": calendar_event}
