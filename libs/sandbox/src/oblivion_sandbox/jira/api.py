"""What each path of Jira's API answers.

Left out: custom fields, screens, workflows of one's own, worklogs, attachments, bulk calls and webhooks;
every status can be reached from every other.
Source: https://developer.atlassian.com/cloud/jira/platform/rest/v3/
"""

from starlette.responses import Response

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.jira import jql
from oblivion_sandbox.jira.dialect import refusal, wrong_fields
from oblivion_sandbox.jira.document import is_document
from oblivion_sandbox.jira.seed import ISSUE_TYPES, STATUSES, add_issue
from oblivion_sandbox.jira.site import Site
from oblivion_sandbox.json_values import as_list, as_object
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.wire import Call, Entry, json_answer

RESULTS_MAX = 5000
DEFAULT_RESULTS = 50
_PERMISSIONS = {
    "CREATE_ISSUES": "create issues in this project",
    "EDIT_ISSUES": "edit issues in this project",
    "TRANSITION_ISSUES": "transition this issue",
    "ADD_COMMENTS": "comment on this issue",
}
_API = "/rest/api/3"


def get_myself(call: Call) -> Json:
    return _site(call).user(call.vendor.account["account_id"]) or {}


def get_my_permissions(call: Call) -> Json:
    asked = call.query.get("permissions", "")
    if not asked:
        raise refusal(400, "The permissions query parameter is required.")
    return {
        "permissions": {
            key: {"key": key, "type": "PROJECT", "havePermission": call.vendor.may(key)}
            for key in asked.split(",")
        }
    }


def search_projects(call: Call) -> Json:
    projects = [_site(call).project_bean(each) for each in call.vendor.documents.all("project")]
    visible = projects if call.vendor.may("BROWSE_PROJECTS") else []
    start, size = (call.number("startAt", 0, RESULTS_MAX) or 0), (call.number("maxResults", 50, 100) or 50)
    page = visible[start : start + size]
    last = start + size >= len(visible)
    return {"maxResults": size, "startAt": start, "total": len(visible), "isLast": last, "values": page}


def get_project(call: Call) -> Json:
    project = _project(call, call.path["project"])
    return {**project, "issueTypes": [dict(each) for each in ISSUE_TYPES]}


def _project(call: Call, key: str) -> Json:
    found = _site(call).project(key)
    if found is None or not call.vendor.may("BROWSE_PROJECTS"):
        raise refusal(404, f"No project could be found with key '{key[:40]}'.")
    return _site(call).project_bean(found)


def list_issue_types(call: Call) -> Json:
    _project(call, call.path["project"])
    types = [dict(each) for each in ISSUE_TYPES]
    return {"startAt": 0, "maxResults": 50, "total": len(types), "issueTypes": types}


def find_users(call: Call) -> list[Json]:
    query = call.query.get("query", "").lower()
    people = call.vendor.documents.all("user")
    fitting = [each for each in people if query in f"{each['displayName']} {each['emailAddress']}".lower()]
    return [user for each in fitting if (user := _site(call).user(each["accountId"]))]


def create_issue(call: Call) -> Response:
    site, fields = _site(call), as_object(call.body.get("fields"))
    place = as_object(fields.get("project"))
    project = site.project(str(place.get("key") or place.get("id") or ""))
    if project is None:
        raise wrong_fields(project="valid project is required")
    _need(call, "CREATE_ISSUES")
    defaults: Json = {
        "status": "To Do",
        "priority": "Medium",
        "description": None,
        "labels": [],
        "assignee": None,
    }
    kept = defaults | site.changes(fields, is_new=True)
    issue = add_issue(
        call.vendor.documents, project["key"], call.vendor.account["account_id"], kept, via="api"
    )
    return json_answer(site.reference(issue), 201)


def get_issue(call: Call) -> Json:
    site = _site(call)
    wanted = [name for name in call.query.get("fields", "*all").split(",") if name]
    return site.issue_bean(site.issue(call.path["issue"]), wanted)


def edit_issue(call: Call) -> None:
    site = _site(call)
    issue = site.issue(call.path["issue"])
    _need(call, "EDIT_ISSUES")
    changes = site.changes(as_object(call.body.get("fields")), is_new=False)
    call.vendor.documents.change("issue", issue["key"], **changes, updated_ms=now_ms())


def list_transitions(call: Call) -> Json:
    _site(call).issue(call.path["issue"])
    moves = STATUSES if call.vendor.may("TRANSITION_ISSUES") else ()
    return {"expand": "transitions", "transitions": [_transition(place) for place in range(len(moves))]}


def _transition(place: int) -> Json:
    status = STATUSES[place]
    return {"id": str(10 * place + 11), "name": status["name"], "to": dict(status), "isAvailable": True}


def move_issue(call: Call) -> None:
    issue = _site(call).issue(call.path["issue"])
    _need(call, "TRANSITION_ISSUES")
    wanted = str(as_object(call.body.get("transition")).get("id"))
    moves = {str(10 * place + 11): status["name"] for place, status in enumerate(STATUSES)}
    if wanted not in moves:
        raise refusal(400, f"Transition id '{wanted[:20]}' is not valid for this issue.")
    call.vendor.documents.change("issue", issue["key"], status=moves[wanted], updated_ms=now_ms())


def list_comments(call: Call) -> Json:
    site = _site(call)
    issue = site.issue(call.path["issue"])
    comments = [site.comment_bean(issue, each) for each in site.comments(issue)]
    return {"startAt": 0, "maxResults": 5000, "total": len(comments), "comments": comments}


def add_comment(call: Call) -> Response:
    site = _site(call)
    issue = site.issue(call.path["issue"])
    _need(call, "ADD_COMMENTS")
    if not is_document(call.body.get("body")):
        raise wrong_fields(comment="Comment body is not valid!")
    comment: Json = {
        "id": str(30000 + len(call.vendor.documents.all("comment"))),
        "issue": issue["key"],
        "author": call.vendor.account["account_id"],
        "body": call.body["body"],
        "created_ms": now_ms(),
    }
    call.vendor.documents.put("comment", comment["id"], comment)
    return json_answer(site.comment_bean(issue, comment), 201)


def search(call: Call) -> Json:
    """One page of issues; the token of the next page is there only when there is one."""
    asked: Json = dict(call.query) | call.body
    query = jql.parse(str(asked.get("jql") or ""))
    if not query.is_bounded:
        raise refusal(
            400,
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
        )
    found = _found(call, query)
    start, size = _start(asked), _size(asked)
    page = [_site(call).issue_bean(issue, _wanted(asked)) for issue in found[start : start + size]]
    is_last = start + size >= len(found)
    more: Json = {} if is_last else {"nextPageToken": f"page-{start + size}"}
    return {"issues": page, "isLast": is_last, **more}


def _found(call: Call, query: jql.Query) -> list[Json]:
    site = _site(call)
    if not call.vendor.may("BROWSE_PROJECTS"):
        return []
    issues = call.vendor.documents.all("issue")
    issues = [each for each in issues if query.test(lambda name, issue=each: site.facts(issue, name))]
    issues.reverse()
    for name, descending in reversed(query.order):
        issues.sort(key=lambda issue: site.facts(issue, name), reverse=descending)
    return issues


def _start(asked: Json) -> int:
    token = str(asked.get("nextPageToken") or "page-0").removeprefix("page-")
    if not token.isascii() or not token.isdigit() or len(token) > 9:
        raise refusal(400, "The provided next page token is invalid or expired.")
    return int(token)


def _size(asked: Json) -> int:
    size = str(asked.get("maxResults") or DEFAULT_RESULTS)
    if not size.isascii() or not size.isdigit() or not 0 < len(size) < 10:
        raise refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    return min(int(size), RESULTS_MAX)


def _wanted(asked: Json) -> list[str]:
    given = asked.get("fields") or ["id"]
    return given.split(",") if isinstance(given, str) else [str(each) for each in as_list(given)]


def _site(call: Call) -> Site:
    return Site(call.vendor, call.base_url)


def _need(call: Call, permission: str) -> None:
    if not call.vendor.may(permission):
        raise refusal(403, f"You do not have permission to {_PERMISSIONS[permission]}.")


ROUTES: tuple[Entry, ...] = (
    ("GET", f"{_API}/myself", get_myself),
    ("GET", f"{_API}/mypermissions", get_my_permissions),
    ("GET", f"{_API}/user/search", find_users),
    ("GET", f"{_API}/project/search", search_projects),
    ("GET", f"{_API}/project/{{project}}", get_project),
    ("GET", f"{_API}/issue/createmeta/{{project}}/issuetypes", list_issue_types),
    ("POST", f"{_API}/issue", create_issue),
    ("GET", f"{_API}/issue/{{issue}}", get_issue),
    ("PUT", f"{_API}/issue/{{issue}}", edit_issue),
    ("GET", f"{_API}/issue/{{issue}}/transitions", list_transitions),
    ("POST", f"{_API}/issue/{{issue}}/transitions", move_issue),
    ("GET", f"{_API}/issue/{{issue}}/comment", list_comments),
    ("POST", f"{_API}/issue/{{issue}}/comment", add_comment),
    ("GET", f"{_API}/search/jql", search),
    ("POST", f"{_API}/search/jql", search),
)
