"""views.*: modals and App Homes."""

from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json, Row


def open_modal(call: Call) -> Json:
    user, _view = call.slack.triggers.redeem(call.required("trigger_id"))
    return _answer(call, call.slack.views.open(user, call.parsed("view")))


def push(call: Call) -> Json:
    user, view_id = call.slack.triggers.redeem(call.required("trigger_id"))
    if view_id is None:
        raise SlackError("trigger_not_from_view")
    return _answer(call, call.slack.views.open(user, call.parsed("view"), previous=view_id))


def update(call: Call) -> Json:
    if not call.text("view_id") and not call.text("external_id"):
        raise SlackError("invalid_arguments")
    row = call.slack.views.update(
        call.text("view_id"), call.text("external_id"), call.parsed("view"), call.text("hash")
    )
    return _answer(call, row)


def publish(call: Call) -> Json:
    user = call.slack.workspace.user(call.required("user_id", "invalid_arguments"))
    return _answer(call, call.slack.views.publish(user["id"], call.parsed("view"), call.text("hash")))


def _answer(call: Call, row: Row) -> Json:
    return {"ok": True, "view": call.slack.views.as_json(row)}
