"""Where tasks lie and who is there: user, workspaces, spaces, folders, lists."""

from oblivion_sandbox.clickup.call import Call
from oblivion_sandbox.store import Json, Row


def get_user(call: Call) -> Json:
    person = call.clickup.space.user_json(call.user)
    return {"user": person | {"week_start_day": 1, "global_font_support": True, "timezone": "Europe/Berlin"}}


def get_teams(call: Call) -> Json:
    return {"teams": [_team(call)]}


def get_spaces(call: Call) -> Json:
    call.check_team()
    return {"spaces": [call.clickup.space.space_json(row) for row in call.clickup.space.spaces()]}


def get_space(call: Call) -> Json:
    return call.clickup.space.space_json(call.clickup.space.space(call.path["space_id"]))


def get_folders(call: Call) -> Json:
    call.clickup.space.space(call.path["space_id"])
    folders = call.clickup.space.folders(call.path["space_id"])
    return {"folders": [call.clickup.space.folder_json(row) for row in folders]}


def get_folder(call: Call) -> Json:
    return call.clickup.space.folder_json(call.clickup.space.folder(call.path["folder_id"]))


def get_lists_of_space(call: Call) -> Json:
    call.clickup.space.space(call.path["space_id"])
    return _lists(call, call.clickup.space.lists(space_id=call.path["space_id"]))


def get_lists_of_folder(call: Call) -> Json:
    call.clickup.space.folder(call.path["folder_id"])
    return _lists(call, call.clickup.space.lists(folder_id=call.path["folder_id"]))


def get_list(call: Call) -> Json:
    return call.clickup.space.list_json(call.clickup.space.list(call.path["list_id"]))


def get_list_members(call: Call) -> Json:
    call.clickup.space.list(call.path["list_id"])
    return {"members": [call.clickup.space.user_json(row) for row in call.clickup.space.users()]}


def _lists(call: Call, rows: list[Row]) -> Json:
    return {"lists": [call.clickup.space.list_json(row) for row in rows]}


def _team(call: Call) -> Json:
    space = call.clickup.space
    members = [{"user": space.user_json(row) | {"role": 1}} for row in space.users() if not row["disabled"]]
    return {
        "id": space.team["id"],
        "name": space.team["name"],
        "color": "#5f55ee",
        "avatar": None,
        "members": members,
    }
