"""Documents as the objects that answers carry.

Sources: https://developers.notion.com/reference/page, …/data-source, …/database, …/block, …/user
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from oblivion_sandbox.notion import properties
from oblivion_sandbox.notion.dialect import not_found
from oblivion_sandbox.notion.rich_text import plain, rich_text
from oblivion_sandbox.notion.seed import APP
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.service import Vendor

_ID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})", re.I)
TITLE_ONLY: Json = {"title": {"id": "title", "name": "title", "type": "title", "title": {}}}
"""The schema of a page that lies in no data source."""


def as_id(given: object) -> str:
    """An id with its dashes, which requests may leave out; what is no id stays as it is."""
    found = _ID.fullmatch(str(given))
    return "-".join(found.groups()).lower() if found else str(given)


def moment(ms: int) -> str:
    """Notion rounds its times down to the minute."""
    return datetime.fromtimestamp(ms // 60_000 * 60, UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")


@dataclass(frozen=True)
class Objects:
    """Finds what is shared with the integration, and shapes it."""

    vendor: Vendor
    base_url: str

    def find(self, kind: str, given: object) -> Json:
        """A document that the integration may see.

        Raises:
            Refusal: 404, also for what is there but not shared.
        """
        found = self.vendor.documents.get(kind, as_id(given))
        if found is None or not found.get("shared", True):
            raise not_found(kind, as_id(given)[:64], APP)
        return found

    def schema_of(self, page: Json) -> Json:
        source = page["parent"].get("data_source_id")
        found = self.vendor.documents.get("data_source", source) if source else None
        return found["properties"] if found else TITLE_ONLY

    def page(self, page: Json) -> Json:
        schema = self.schema_of(page)
        return {
            "object": "page",
            **self._about(page),
            "cover": None,
            "icon": None,
            "parent": page["parent"],
            "is_locked": False,
            "properties": properties.shown(page["properties"], schema),
            "url": self.url(properties.title_of(page["properties"], schema), page["id"]),
            "public_url": None,
        }

    def data_source(self, source: Json) -> Json:
        database = self.vendor.documents.get("database", source["database"]) or {}
        return {
            "object": "data_source",
            **self._about(source),
            "title": rich_text(source["title"]),
            "description": [],
            "parent": {"type": "database_id", "database_id": source["database"]},
            "database_parent": {"type": "page_id", "page_id": database.get("parent")},
            "properties": source["properties"],
            "icon": None,
            "cover": None,
            "is_inline": False,
            "url": self.url(source["title"], source["database"]),
            "public_url": None,
        }

    def database(self, database: Json) -> Json:
        return {
            "object": "database",
            **self._about(database),
            "title": rich_text(database["title"]),
            "description": [],
            "parent": {"type": "page_id", "page_id": database["parent"]},
            "data_sources": [
                {"id": source["id"], "name": source["title"]}
                for key in database["sources"]
                if (source := self.vendor.documents.get("data_source", key))
            ],
            "is_inline": False,
            "is_locked": False,
            "icon": None,
            "cover": None,
            "url": self.url(database["title"], database["id"]),
            "public_url": None,
        }

    def block(self, block: Json) -> Json:
        kind = block["type"]
        parent = self.vendor.documents.get("page", block["parent"])
        within = "page_id" if parent else "block_id"
        return {
            "object": "block",
            **self._about(block),
            "parent": {"type": within, within: block["parent"]},
            "has_children": bool(block["children"]),
            "type": kind,
            kind: block[kind],
        }

    def user(self, user: Json) -> Json:
        person = {"type": "person", "person": {"email": user["email"]}}
        return {"object": "user", "id": user["id"], "name": user["name"], "avatar_url": None, **person}

    def bot(self) -> Json:
        account = self.vendor.account
        bot = {
            "owner": {"type": "workspace", "workspace": True},
            "workspace_id": account["workspace_id"],
            "workspace_name": account["workspace_name"],
            "workspace_limits": {"max_file_upload_size_in_bytes": 5_242_880},
        }
        about = {"object": "user", "id": account["bot_id"], "name": APP, "avatar_url": None}
        return {**about, "type": "bot", "bot": bot}

    def title(self, page: Json) -> str:
        return properties.title_of(page["properties"], self.schema_of(page))

    def url(self, title: str, key: str) -> str:
        words = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")[:60]
        return f"{self.base_url}/{words}-{key.replace('-', '')}".replace("/-", "/")

    def _about(self, document: Json) -> Json:
        by = {"object": "user", "id": self.vendor.account["bot_id"]}
        return {
            "id": document["id"],
            "created_time": moment(document["created_ms"]),
            "last_edited_time": moment(document["edited_ms"]),
            "created_by": by,
            "last_edited_by": by,
            "archived": document["in_trash"],
            "in_trash": document["in_trash"],
        }


def text_of(block: Json) -> str:
    return plain(block[block["type"]].get("rich_text"))
