"""The workspace as it is at first start."""

import secrets
import uuid
from typing import Any

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.notion.rich_text import blocks_of, rich_text
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.documents import Documents

APP = "Oblivion"
CAPABILITIES = ["read_content", "update_content", "insert_content", "read_user"]
PEOPLE = ("you", "ana", "ben")
_STATUSES = (("Not started", "default"), ("In progress", "blue"), ("Done", "green"))
_PRIORITIES = (("High", "red"), ("Medium", "yellow"), ("Low", "blue"))
_TASKS: tuple[tuple[str, str, str | None, str | None], ...] = (
    ("Draft the launch checklist", "In progress", "High", "2026-12-01"),
    ("Collect quotes from beta users", "Not started", "Medium", "2026-12-04"),
    ("Book the demo room", "Done", None, None),
)
_HANDBOOK = """# How we work
Decisions are written down, and the person who does the work decides.
- Support answers within one working day
- Releases go out on Tuesdays
"""
_MINUTES = "The board talks about salaries here."


def seed_notion(documents: Documents) -> Json:
    """People, a page of text, a data source of tasks, and a page that is not shared with the integration."""
    for name in PEOPLE:
        documents.put("user", key := new_id(), {"id": key, "name": name, "email": f"{name}@example.com"})
    home = _page(documents, "Team home", "Everything starts here.")
    _page(documents, "Handbook", _HANDBOOK, home)
    _page(documents, "Board minutes", _MINUTES, shared=False)
    _tasks(documents, home)
    return {
        # Of the form that Notion's tokens have.
        "token": f"ntn_{secrets.token_hex(23)}",
        "rights": CAPABILITIES,
        # An average of three requests a second, with bursts.
        "per_minute": 180,
        "burst": 30,
        "bot_id": new_id(),
        "workspace_id": new_id(),
        "workspace_name": "Oblivion Sandbox",
    }


def new_id() -> str:
    return str(uuid.uuid4())


def new_page(parent: Json, properties: Json, **more: Any) -> Json:
    moment = now_ms()
    return {
        "id": new_id(),
        "parent": parent,
        "properties": properties,
        "children": [],
        "shared": True,
        "in_trash": False,
        "created_ms": moment,
        "edited_ms": moment,
        "via": "seed",
        **more,
    }


def add_blocks(documents: Documents, parent: str, blocks: list[Json]) -> list[str]:
    """Write blocks; returns their ids, for the parent's list of children."""
    written: list[str] = []
    for block in blocks:
        kept: Json = {
            "id": new_id(),
            "parent": parent,
            "children": [],
            "in_trash": False,
            "edited_ms": now_ms(),
        }
        documents.put("block", kept["id"], kept | {"created_ms": kept["edited_ms"]} | block)
        written.append(kept["id"])
    return written


def _page(documents: Documents, title: str, text: str, under: str | None = None, **more: Any) -> str:
    parent: Json = (
        {"type": "page_id", "page_id": under} if under else {"type": "workspace", "workspace": True}
    )
    page = new_page(parent, {"title": rich_text(title)}, **more)
    page["children"] = add_blocks(documents, page["id"], blocks_of(text))
    return documents.put("page", page["id"], page)["id"]


def _tasks(documents: Documents, home: str) -> None:
    database, source = new_id(), new_id()
    moment = now_ms()
    about: Json = {"title": "Tasks", "in_trash": False, "created_ms": moment, "edited_ms": moment}
    documents.put("database", database, {"id": database, "parent": home, "sources": [source], **about})
    schema = task_schema()
    documents.put(
        "data_source",
        source,
        {"id": source, "database": database, "properties": schema, "shared": True, **about},
    )
    options = {option["name"]: option for name in ("Status", "Priority") for option in _options(schema, name)}
    for title, status, priority, due in _TASKS:
        values: Json = {
            "Name": rich_text(title),
            "Status": options[status],
            "Priority": options[priority] if priority else None,
            "Due": {"start": due, "end": None, "time_zone": None} if due else None,
        }
        page = new_page({"type": "data_source_id", "data_source_id": source, "database_id": database}, values)
        documents.put("page", page["id"], page)


def task_schema() -> Json:
    kinds: dict[str, Json] = {
        "Name": {"id": "title", "type": "title", "title": {}},
        "Status": {"id": "%3Ast1", "type": "status", "status": {"options": _named(_STATUSES), "groups": []}},
        "Priority": {"id": "pr%3D1", "type": "select", "select": {"options": _named(_PRIORITIES)}},
        "Due": {"id": "du%401", "type": "date", "date": {}},
        "Assignee": {"id": "as%7C1", "type": "people", "people": {}},
        "Tags": {"id": "tg%601", "type": "multi_select", "multi_select": {"options": []}},
    }
    return {name: {"name": name, "description": None, **kind} for name, kind in kinds.items()}


def _named(options: tuple[tuple[str, str], ...]) -> list[Json]:
    return [{"id": new_id(), "name": name, "color": color, "description": None} for name, color in options]


def _options(schema: Json, name: str) -> list[Json]:
    return schema[name][schema[name]["type"]]["options"]
