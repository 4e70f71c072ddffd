"""What each path of Notion's API answers.

Imitates version 2025-09-03, and the trash and positions of 2026-03-11. Left out: comments, files, views,
templates, creating databases and changing their schema, pages as Markdown, and property types that the seeded
data source does not have.
Source: https://developers.notion.com/reference
"""

from typing import Any

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.json_values import as_list, as_object, as_objects
from oblivion_sandbox.notion import properties
from oblivion_sandbox.notion.dialect import invalid, no_capability, not_found
from oblivion_sandbox.notion.objects import Objects, as_id
from oblivion_sandbox.notion.rich_text import stored_rich_text
from oblivion_sandbox.notion.seed import APP, add_blocks, new_page
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.wire import Call, Entry

PAGE_SIZE_MAX = 100
BLOCKS_MAX = 100
_TEXTS = """
paragraph heading_1 heading_2 heading_3 bulleted_list_item numbered_list_item to_do quote code toggle callout
""".split()  # noqa: SIM905  # read as words


def get_me(call: Call) -> Json:
    return _objects(call).bot()


def list_users(call: Call) -> Json:
    _need(call, "read_user")
    people = [_objects(call).user(user) for user in call.vendor.documents.all("user")]
    return _page(_from_query(call), [*people, _objects(call).bot()], "user")


def search(call: Call) -> Json:
    """Shared pages and data sources whose title holds the words, the last edited first."""
    _need(call, "read_content")
    wanted = as_object(call.body.get("filter")).get("value")
    if wanted not in (None, "page", "data_source"):
        raise invalid('body failed validation: body.filter.value should be `"page"` or `"data_source"`.')
    objects, query = _objects(call), str(call.body.get("query", "")).lower()
    sources, pages = (call.vendor.documents.all(kind, _is_there) for kind in ("data_source", "page"))
    found = [
        *(
            (each, objects.data_source)
            for each in sources
            if wanted != "page" and query in each["title"].lower()
        ),
        *(
            (each, objects.page)
            for each in pages
            if wanted != "data_source" and query in objects.title(each).lower()
        ),
    ]
    found.sort(key=lambda entry: -int(entry[0]["edited_ms"]))
    return _page(call.body, [shape(each) for each, shape in found], "page_or_data_source")


def get_database(call: Call) -> Json:
    _need(call, "read_content")
    return _objects(call).database(_objects(call).find("database", call.path["database_id"]))


def get_data_source(call: Call) -> Json:
    _need(call, "read_content")
    return _objects(call).data_source(_objects(call).find("data_source", call.path["data_source_id"]))


def query_data_source(call: Call) -> Json:
    _need(call, "read_content")
    objects = _objects(call)
    source = objects.find("data_source", call.path["data_source_id"])
    schema: Json = source["properties"]
    wanted = as_object(call.body.get("filter"))
    pages = [
        page
        for page in call.vendor.documents.all("page", _is_there)
        if page["parent"].get("data_source_id") == source["id"]
        and (not wanted or properties.fits(wanted, page["properties"], schema))
    ]
    return _page(
        call.body, [objects.page(page) for page in _sorted(call, pages, schema)], "page_or_data_source"
    )


def _sorted(call: Call, pages: list[Json], schema: Json) -> list[Json]:
    """In the order asked for; otherwise the newest first."""
    pages.reverse()
    for sort in reversed(as_objects(call.body.get("sorts"))):
        descending = sort.get("direction") == "descending"
        name = str(sort.get("property") or "")
        if not name:
            field = "created_ms" if sort.get("timestamp") == "created_time" else "edited_ms"
            pages.sort(key=lambda page: page[field], reverse=descending)
        elif name in schema:
            pages.sort(
                key=lambda page: properties.sort_key(name, page["properties"], schema), reverse=descending
            )
        else:
            raise invalid(f"Could not find sort property with name or id: {name}")
    return pages


def create_page(call: Call) -> Json:
    _need(call, "insert_content")
    objects = _objects(call)
    parent, schema = _parent(call, objects)
    given = properties.stored(call.body.get("properties"), schema)
    page = new_page(parent, properties.defaults(schema) | given, via="api")
    page["children"] = _write_blocks(call, page["id"], as_objects(call.body.get("children")))
    call.vendor.documents.put("page", page["id"], page)
    return objects.page(page)


def _parent(call: Call, objects: Objects) -> tuple[Json, Json]:
    """The parent as pages carry it, and the schema of its properties."""
    given = as_object(call.body.get("parent"))
    if "data_source_id" in given:
        source = objects.find("data_source", given["data_source_id"])
    elif "database_id" in given:
        sources = objects.find("database", given["database_id"])["sources"]
        if len(sources) != 1:
            raise invalid("Databases with multiple data sources are not supported in this API version.")
        source = objects.find("data_source", sources[0])
    elif "page_id" in given:
        page = objects.find("page", given["page_id"])
        return {"type": "page_id", "page_id": page["id"]}, objects.schema_of({"parent": {}})
    else:
        raise invalid("body failed validation: body.parent should be defined, instead was `undefined`.")
    parent = {"data_source_id": source["id"], "database_id": source["database"]}
    return {"type": "data_source_id", **parent}, source["properties"]


def get_page(call: Call) -> Json:
    _need(call, "read_content")
    return _objects(call).page(_objects(call).find("page", call.path["page_id"]))


def update_page(call: Call) -> Json:
    _need(call, "update_content")
    objects = _objects(call)
    page = objects.find("page", call.path["page_id"])
    in_trash = call.body.get("in_trash", call.body.get("archived", page["in_trash"]))
    if page["in_trash"] and in_trash:
        raise invalid(
            "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before."
        )
    values = properties.stored(call.body.get("properties"), objects.schema_of(page))
    changed = call.vendor.documents.change(
        *("page", page["id"]),
        properties=page["properties"] | values,
        in_trash=bool(in_trash),
        edited_ms=now_ms(),
    )
    return objects.page(changed)


def get_children(call: Call) -> Json:
    _need(call, "read_content")
    objects = _objects(call)
    blocks = [objects.block(block) for block in _children(call, _container(call, objects)[1])]
    return _page(_from_query(call), blocks, "block")


def append_children(call: Call) -> Json:
    """At the end, at the start, or after a block."""
    _need(call, "insert_content")
    objects = _objects(call)
    kind, container = _container(call, objects)
    written = _write_blocks(call, container["id"], as_objects(call.body.get("children")))
    children: list[str] = container["children"]
    at = _place(call.body, children)
    children[at:at] = written
    call.vendor.documents.change(kind, container["id"], children=children, edited_ms=now_ms())
    blocks = [objects.block(call.vendor.documents.get("block", key) or {}) for key in written]
    return _page({"page_size": BLOCKS_MAX}, blocks, "block")


def _place(body: Json, children: list[str]) -> int:
    position = as_object(body.get("position"))
    after = body.get("after") or as_object(position.get("after_block")).get("id")
    if position.get("type") == "start":
        return 0
    if after is None:
        return len(children)
    if as_id(after) not in children:
        raise invalid("The block to append after is not a child of the parent.")
    return children.index(as_id(after)) + 1


def delete_block(call: Call) -> Json:
    _need(call, "update_content")
    objects = _objects(call)
    kind, found = _container(call, objects)
    changed = call.vendor.documents.change(kind, found["id"], in_trash=True, edited_ms=now_ms())
    return objects.page(changed) if kind == "page" else objects.block(changed)


def _container(call: Call, objects: Objects) -> tuple[str, Json]:
    """A page is a block too."""
    key = as_id(call.path["block_id"])
    kind = "page" if call.vendor.documents.get("page", key) else "block"
    found = objects.find(kind, key)
    if found["in_trash"]:
        raise not_found("block", key, APP)
    return kind, found


def _children(call: Call, container: Json) -> list[Json]:
    found = (call.vendor.documents.get("block", key) for key in container["children"])
    return [block for block in found if block and not block["in_trash"]]


def _write_blocks(call: Call, parent: str, blocks: list[Json]) -> list[str]:
    if len(blocks) > BLOCKS_MAX:
        raise invalid(f"body failed validation: body.children.length should be ≤ `{BLOCKS_MAX}`.")
    return add_blocks(call.vendor.documents, parent, [_checked(block) for block in blocks])


def _checked(block: Json) -> Json:
    kind = str(block.get("type") or next((name for name in _TEXTS if name in block), "undefined"))
    content = as_object(block.get(kind))
    if kind == "divider":
        return {"type": kind, kind: {}}
    if kind not in _TEXTS or not content:
        raise invalid(
            f"body failed validation: body.children has a block of type `{kind[:40]}` that is not valid."
        )
    text = stored_rich_text(content.get("rich_text"), f"body.children.{kind}.rich_text")
    return {"type": kind, kind: {**content, "rich_text": text}}


def _objects(call: Call) -> Objects:
    return Objects(call.vendor, call.base_url)


def _need(call: Call, capability: str) -> None:
    if not call.vendor.may(capability):
        raise no_capability()


def _is_there(document: Json) -> bool:
    return bool(document["shared"] and not document["in_trash"])


def _from_query(call: Call) -> Json:
    given: Json = dict(call.query)
    if str(given.get("page_size", "")).isdigit():
        given["page_size"] = int(given["page_size"])
    return given


def _page(asked: Json, results: list[Json], kind: str) -> Json:
    """One page of a list; the cursor is the id of the first result of the next one."""
    size = asked.get("page_size", PAGE_SIZE_MAX)
    if not isinstance(size, int) or not 0 < size <= PAGE_SIZE_MAX:
        raise invalid(f"body failed validation: body.page_size should be ≤ `{PAGE_SIZE_MAX}`.")
    ids: list[Any] = [each["id"] for each in as_list(results)]
    cursor = asked.get("start_cursor")
    if cursor is not None and as_id(cursor) not in ids:
        raise invalid(f"The start_cursor provided is invalid: {str(cursor)[:64]}")
    start = 0 if cursor is None else ids.index(as_id(cursor))
    after = start + size
    return {
        "object": "list",
        "results": results[start:after],
        "next_cursor": ids[after] if after < len(ids) else None,
        "has_more": after < len(ids),
        "type": kind,
        kind: {},
    }


ROUTES: tuple[Entry, ...] = (
    ("GET", "/users/me", get_me),
    ("GET", "/users", list_users),
    ("POST", "/search", search),
    ("GET", "/databases/{database_id}", get_database),
    ("GET", "/data_sources/{data_source_id}", get_data_source),
    ("POST", "/data_sources/{data_source_id}/query", query_data_source),
    ("POST", "/pages", create_page),
    ("GET", "/pages/{page_id}", get_page),
    ("PATCH", "/pages/{page_id}", update_page),
    ("GET", "/blocks/{block_id}/children", get_children),
    ("PATCH", "/blocks/{block_id}/children", append_children),
    ("DELETE", "/blocks/{block_id}", delete_block),
)
