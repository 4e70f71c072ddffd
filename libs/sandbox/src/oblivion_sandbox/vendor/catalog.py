"""The stand-ins of Notion, Linear, Jira and Google Calendar put together."""

from starlette.routing import Route

from oblivion_sandbox.calendar.api import ROUTES as CALENDAR_ROUTES
from oblivion_sandbox.calendar.dialect import CalendarDialect
from oblivion_sandbox.calendar.seed import seed_calendar
from oblivion_sandbox.jira.api import ROUTES as JIRA_ROUTES
from oblivion_sandbox.jira.dialect import JiraDialect
from oblivion_sandbox.jira.oauth import ATLASSIAN_ROUTES, AtlassianDialect, JiraByOAuth
from oblivion_sandbox.jira.seed import seed_jira
from oblivion_sandbox.linear.api import ROUTES as LINEAR_ROUTES
from oblivion_sandbox.linear.dialect import LinearDialect
from oblivion_sandbox.linear.seed import seed_linear
from oblivion_sandbox.misbehave import Misbehaviour, Side
from oblivion_sandbox.notion.api import ROUTES as NOTION_ROUTES
from oblivion_sandbox.notion.dialect import NotionDialect
from oblivion_sandbox.notion.seed import seed_notion
from oblivion_sandbox.oauth.catalog import AuthorizationServers
from oblivion_sandbox.pages import vendor_pages
from oblivion_sandbox.pages.shell import Shell
from oblivion_sandbox.pages.vendor_pages import VendorPages
from oblivion_sandbox.store import Store
from oblivion_sandbox.vendor.control import VendorControls
from oblivion_sandbox.vendor.service import Seed, Vendor
from oblivion_sandbox.vendor.wire import Wire


class Vendors:
    """The four of them on one store."""

    def __init__(
        self, store: Store, misbehaviour: Misbehaviour, limits_scale: float, oauth: AuthorizationServers
    ) -> None:
        def made(side: Side, seed: Seed) -> Vendor:
            return Vendor(side, store, misbehaviour, seed, limits_scale, oauth.grants(side))

        self.notion = made("notion", seed_notion)
        self.linear = made("linear", seed_linear)
        self.jira = made("jira", seed_jira)
        self.calendar = made("calendar", seed_calendar)

    def routes(self, public_url: str | None, shell: Shell) -> list[Route]:
        """Controls and pages first: some APIs answer whatever is left under their prefix."""
        entries = (
            (self.notion, NotionDialect(), NOTION_ROUTES, "Notion", vendor_pages.NOTION),
            (self.linear, LinearDialect(), LINEAR_ROUTES, "Linear", vendor_pages.LINEAR),
            (self.jira, JiraDialect(), JIRA_ROUTES, "Jira", vendor_pages.JIRA),
            (self.calendar, CalendarDialect(), CALENDAR_ROUTES, "Google Calendar", vendor_pages.CALENDAR),
        )
        routes: list[Route] = [
            *Wire(self.jira, JiraByOAuth(), public_url).routes(JIRA_ROUTES),
            *Wire(self.jira, AtlassianDialect(), public_url).routes(ATLASSIAN_ROUTES),
        ]
        for vendor, dialect, paths, place, looks in entries:
            routes += VendorControls(vendor).routes()
            routes += VendorPages(vendor, place, shell, looks).routes()
            routes += Wire(vendor, dialect, public_url).routes(paths)
        return routes
