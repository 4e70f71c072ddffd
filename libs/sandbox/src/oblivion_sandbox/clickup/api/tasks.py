"""Tasks of the API."""

from oblivion_sandbox.clickup.call import Call
from oblivion_sandbox.clickup.tasks import Filter
from oblivion_sandbox.store import Json


def get_task(call: Call) -> Json:
    row = call.clickup.tasks.get(call.path["task_id"])
    return call.clickup.shape.as_json(row, call.base_url, markdown=call.flag("include_markdown_description"))


def get_tasks(call: Call) -> Json:
    wanted = Filter(
        page=call.number("page", 0) or 0,
        order_by=call.query.get("order_by", "created"),
        reverse=call.flag("reverse"),
        include_closed=call.flag("include_closed"),
        updated_after_ms=call.number("date_updated_gt"),
        statuses=call.several("statuses"),
        assignees=call.several("assignees"),
    )
    rows, last = call.clickup.tasks.page(call.path["list_id"], wanted)
    markdown = call.flag("include_markdown_description")
    tasks = [call.clickup.shape.as_json(row, call.base_url, markdown=markdown) for row in rows]
    return {"tasks": tasks, "last_page": last}


def create_task(call: Call) -> Json:
    row = call.clickup.tasks.create(call.path["list_id"], call.user["id"], call.body)
    return call.clickup.shape.as_json(row, call.base_url)


def update_task(call: Call) -> Json:
    row = call.clickup.tasks.update(call.path["task_id"], call.user["id"], call.body)
    return call.clickup.shape.as_json(row, call.base_url)


def delete_task(call: Call) -> Json:
    call.clickup.tasks.delete(call.path["task_id"])
    return {}


def add_tag(call: Call) -> Json:
    call.clickup.tasks.tag(call.path["task_id"], call.user["id"], call.path["tag_name"])
    return {}


def remove_tag(call: Call) -> Json:
    call.clickup.tasks.untag(call.path["task_id"], call.user["id"], call.path["tag_name"])
    return {}
