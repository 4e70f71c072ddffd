"""auth.*, users.*, bots.* and team.*: who is who."""

from oblivion_sandbox.slack.api.conversations import offset, page
from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json


def auth_test(call: Call) -> Json:
    app = call.slack.app
    return {
        "ok": True,
        "url": f"{call.base_url}/slack/",
        "team": app.team_name,
        "user": "oblivion",
        "team_id": app.team_id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "app_id": app.app_id,
        "is_enterprise_install": False,
    }


def bots_info(call: Call) -> Json:
    app = call.slack.app
    if call.text("bot", app.bot_id) != app.bot_id:
        raise SlackError("bot_not_found")
    bot: Json = {
        "id": app.bot_id,
        "deleted": False,
        "name": "Oblivion",
        "updated": 0,
        "app_id": app.app_id,
        "user_id": app.bot_user_id,
        "icons": {},
    }
    return {"ok": True, "bot": bot}


def users_info(call: Call) -> Json:
    row = call.slack.workspace.user(call.required("user", "user_not_found"))
    return {"ok": True, "user": call.slack.workspace.user_json(row)}


def users_list(call: Call) -> Json:
    limit = call.number("limit", 1000, 1000)
    users = call.slack.workspace.users()
    start = offset(call)
    following = f"at:{start + limit}" if len(users) > start + limit else ""
    found = [call.slack.workspace.user_json(row) for row in users[start : start + limit]]
    return {"ok": True, "members": found, "cache_ts": 0, "response_metadata": page(following)}


def team_info(call: Call) -> Json:
    app = call.slack.app
    team = {
        "id": app.team_id,
        "name": app.team_name,
        "url": f"{call.base_url}/slack/",
        "domain": app.team_domain,
        "email_domain": "",
        "icon": {"image_default": True},
    }
    return {"ok": True, "team": team}
