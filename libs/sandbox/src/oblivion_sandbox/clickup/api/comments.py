"""Comments of the API."""

from oblivion_sandbox.clickup.call import Call
from oblivion_sandbox.clickup.errors import ClickUpError
from oblivion_sandbox.store import Json


def get_comments(call: Call) -> Json:
    rows = call.clickup.comments.page(call.path["task_id"], call.number("start"), call.number("start_id"))
    return {"comments": [call.clickup.comments.as_json(row) for row in rows]}


def create_comment(call: Call) -> Json:
    row, history_id = call.clickup.comments.post(call.path["task_id"], call.user["id"], call.body)
    return {"id": row["id"], "hist_id": history_id, "date": row["created_ms"]}


def get_replies(call: Call) -> Json:
    rows = call.clickup.comments.replies(_comment_id(call))
    return {"comments": [call.clickup.comments.as_json(row) for row in rows]}


def create_reply(call: Call) -> Json:
    row, history_id = call.clickup.comments.reply(_comment_id(call), call.user["id"], call.body)
    return {"id": row["id"], "hist_id": history_id, "date": row["created_ms"]}


def update_comment(call: Call) -> Json:
    call.clickup.comments.edit(_comment_id(call), call.user["id"], call.body)
    return {}


def delete_comment(call: Call) -> Json:
    call.clickup.comments.delete(_comment_id(call))
    return {}


def _comment_id(call: Call) -> int:
    value = call.path["comment_id"]
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise ClickUpError(404, "Comment not found", "COMM_002")
    return int(value)
