from typing import Any

import pytest

from oblivion_mcp_hub.providers import PROVIDERS
from oblivion_platform.errors import PermanentFailure

HOSTILE = '<!channel> [~ana] @here {panel}" OR project = "OPS" \\ [x|https://evil.test]'


@pytest.fixture
async def jira(opened: Any) -> Any:
    return await opened("jira")


async def issues(opened: Any) -> dict[str, dict[str, Any]]:
    return {each["key"]: each for each in await opened.sandbox.control.jira.documents("issue")}


async def test_an_issue_is_created_with_all_that_was_said(opened: Any, jira: Any):
    made = await jira(
        "createIssue",
        title="Fix the\nlaunch pad",
        project="rocket",
        kind="Bug",
        description="It leaks.\n\nBadly.",
        priority="Highest",
        assignee="Ana Silva",
    )
    stored = (await issues(opened))[made["issue"]]
    assert made == {"issue": "ROC-4", "link": f"{opened.sandbox.base_url}/jira/browse/ROC-4"}
    assert (stored["summary"], stored["issuetype"], stored["priority"]) == (
        "Fix the launch pad",
        "Bug",
        "Highest",
    )
    assert [part["type"] for part in stored["description"]["content"]] == ["paragraph"] * 3
    assert stored["via"] == "api"


async def test_a_new_issue_goes_to_the_connections_own_project(opened: Any, jira: Any):
    placed = await opened("jira", project="OPS")
    assert (await placed("createIssue", title="x"))["issue"] == "OPS-2"
    with pytest.raises(PermanentFailure, match=r"Say in which project; there are: ROC \(Rocket\), OPS"):
        await jira("createIssue", title="x")


async def test_an_issue_is_changed_and_moved(opened: Any, jira: Any):
    changed = await jira(
        "updateIssue", issue="https://acme.test/browse/ROC-2", title="Say it", status="done", assignee="me"
    )
    stored = (await issues(opened))["ROC-2"]
    assert changed["issue"] == "ROC-2"
    assert (stored["summary"], stored["status"]) == ("Say it", "Done")
    assert stored["assignee"] == (await opened.sandbox.control.jira.account())["account_id"]


async def test_issues_are_listed_by_project_status_and_assignee(jira: Any):
    await jira("updateIssue", issue="OPS-1", assignee="me")
    everything = (await jira("getIssues"))["issues"]
    project = (await jira("getIssues", project="OPS"))["issues"]
    status = (await jira("getIssues", status="In Progress", project="ROC"))["issues"]
    mine = (await jira("getIssues", assignee="me"))["issues"]
    assert len(everything) == 4
    assert [each["issue"] for each in project] == [each["issue"] for each in mine] == ["OPS-1"]
    assert [(each["issue"], each["kind"], each["priority"]) for each in status] == [("ROC-1", "Bug", "High")]


async def test_issues_come_page_by_page(jira: Any):
    first = await jira("getIssues", limit=3)
    second = await jira("getIssues", limit=3, cursor=first["next_cursor"])
    assert (len(first["issues"]), len(second["issues"]), "next_cursor" in second) == (3, 1, False)


async def test_a_comment_is_written_and_found(opened: Any, jira: Any):
    made = await jira("comment", issue="ROC-3", text="Seen on **staging** too")
    (stored,) = await opened.sandbox.control.jira.documents("comment")
    found = (await jira("search", query="staging!"))["issues"]
    within = (await jira("search", query="staging", project="OPS"))["issues"]
    assert made["link"].endswith(f"/jira/browse/ROC-3?focusedCommentId={stored['id']}")
    assert stored["body"]["content"][0]["content"][0] == {"type": "text", "text": "Seen on **staging** too"}
    assert [each["issue"] for each in found] == ["ROC-3"]
    assert within == []


async def test_what_is_written_stays_text(opened: Any, jira: Any):
    made = await jira("createIssue", title=HOSTILE, project="ROC", description=HOSTILE)
    stored = (await issues(opened))[made["issue"]]
    listed = (await jira("getIssues", project="ROC"))["issues"]
    assert stored["summary"] == HOSTILE
    assert stored["description"]["content"] == [
        {"type": "paragraph", "content": [{"type": "text", "text": HOSTILE}]}
    ]
    assert HOSTILE in [each["title"] for each in listed]


@pytest.mark.parametrize(
    "value", ['x" OR project is not EMPTY OR status = "y', 'x\\" OR key = "ROC-1', HOSTILE]
)
async def test_a_value_cannot_say_more_in_a_query_than_itself(jira: Any, value: str):
    assert (await jira("getIssues", status=value[:100]))["issues"] == []
    assert (await jira("search", query=value))["issues"] == []


async def test_what_is_not_there_is_said_to_need_access(jira: Any):
    for call, arguments in (
        ("comment", {"issue": "ROC-99", "text": "x"}),
        ("updateIssue", {"issue": "ROC-99", "title": "x"}),
        ("updateIssue", {"issue": "ROC-99", "status": "Done"}),
    ):
        with pytest.raises(PermanentFailure, match="access to the project") as refused:
            await jira(call, **arguments)
        assert refused.value.code == "jira_not_found"


async def test_what_is_wrong_is_named_by_its_field(jira: Any):
    with pytest.raises(PermanentFailure, match="issuetype: Specify a valid issue type"):
        await jira("createIssue", title="x", project="ROC", kind="Epicurean")
    with pytest.raises(PermanentFailure, match="it can go to: To Do, In Progress, Done"):
        await jira("updateIssue", issue="ROC-1", status="Blocked")
    with pytest.raises(PermanentFailure, match="Nobody has that name"):
        await jira("updateIssue", issue="ROC-1", assignee="Zoe")


@pytest.mark.parametrize("issue", ["../myself", "ROC", "ROC-1/comment", "https://evil.test/ROC-1/x"])
async def test_what_is_no_issue_is_refused_before_anything_is_asked(opened: Any, jira: Any, issue: str):
    await opened.sandbox.control.jira.forget_calls()
    with pytest.raises(PermanentFailure, match="is no issue"):
        await jira("comment", issue=issue, text="x")
    assert await opened.sandbox.control.jira.calls() == {}


async def test_the_rights_of_the_token_are_told(jira: Any):
    checked = await jira.check()
    assert checked.account == "Oblivion"
    assert "CREATE_ISSUES" in checked.rights


async def test_at_the_operators_address_a_token_needs_no_owner(opened: Any):
    jira = await opened("jira", email="")
    assert (await jira.check()).account == "Oblivion"


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"site": "evil.test/#", "email": "x@example.com"}, "set `site`"),
        ({"email": "x@example.com"}, "set `site`"),
        ({"site": "acme"}, "set `email`"),
    ],
)
async def test_settings_that_cannot_work_are_refused_with_what_to_set(settings: dict[str, str], fix: str):
    with pytest.raises(PermanentFailure, match=fix):
        async with PROVIDERS["jira"].open("token", settings, ""):
            pass
