"""Webhooks of the API: each caller sees and changes those that they made."""

from oblivion_sandbox.clickup.call import Call
from oblivion_sandbox.clickup.errors import not_found
from oblivion_sandbox.store import Json


def get_webhooks(call: Call) -> Json:
    call.check_team()
    return {
        "webhooks": [call.clickup.webhooks.as_json(row) for row in call.clickup.webhooks.all(call.user["id"])]
    }


def create_webhook(call: Call) -> Json:
    call.check_team()
    webhook = call.clickup.webhooks.create(call.user["id"], call.body)
    return {"id": webhook["id"], "webhook": webhook}


def update_webhook(call: Call) -> Json:
    wanted = {name: call.body[name] for name in ("endpoint", "events", "status") if name in call.body}
    webhook = call.clickup.webhooks.change(_own(call), wanted)
    return {"id": webhook["id"], "webhook": webhook}


def delete_webhook(call: Call) -> Json:
    call.clickup.webhooks.delete(_own(call))
    return {}


def _own(call: Call) -> str:
    row = call.clickup.webhooks.get(call.path["webhook_id"])
    if row["user_id"] != call.user["id"]:
        raise not_found("Webhook")
    return row["id"]
