from typing import Any

import pytest

from oblivion_platform.errors import PermanentFailure

HOSTILE = '<!channel> @here "}) { viewer { id } } [x](https://evil.test) \\'


@pytest.fixture
async def linear(opened: Any) -> Any:
    return await opened("linear")


async def issues(opened: Any) -> list[dict[str, Any]]:
    return await opened.sandbox.control.linear.documents("issue")


async def test_an_issue_is_created_with_all_that_was_said(opened: Any, linear: Any):
    made = await linear(
        "createIssue",
        title="Fix the login",
        team="engineering",
        description="It **hangs**.",
        state="in progress",
        priority="urgent",
        assignee="Ana Silva",
        deadline="2026-12-24",
    )
    stored = (await issues(opened))[-1]
    assert (made["issue"], made["state"], made["priority"]) == ("ENG-4", "In Progress", "Urgent")
    assert (made["team"], made["assignee"], made["deadline"]) == ("ENG", "Ana Silva", "2026-12-24")
    assert made["link"].startswith(f"{opened.sandbox.base_url}/linear/oblivion/issue/ENG-4/")
    assert (stored["title"], stored["description"], stored["via"]) == (
        "Fix the login",
        "It **hangs**.",
        "api",
    )


async def test_a_new_issue_goes_to_the_connections_own_team(opened: Any, linear: Any):
    placed = await opened("linear", team="DES")
    assert (await placed("createIssue", title="x"))["issue"] == "DES-2"
    with pytest.raises(
        PermanentFailure, match=r"Say which team; there are: ENG \(Engineering\), DES \(Design\)"
    ):
        await linear("createIssue", title="x")
    with pytest.raises(PermanentFailure, match=r"no team 'OPS'; there are"):
        await linear("createIssue", title="x", team="OPS")


async def test_an_issue_is_changed_by_its_key_or_link(opened: Any, linear: Any):
    link = (await linear("getIssues", team="ENG"))["issues"][0]["link"]
    changed = await linear("updateIssue", issue=link, state="Done", assignee="me")
    renamed = await linear("updateIssue", issue="eng-2".upper(), title="Export as PDF", priority="none")
    stored = {each["identifier"]: each for each in await issues(opened)}
    assert (changed["state"], changed["assignee"]) == ("Done", "Oblivion")
    assert (renamed["title"], renamed["priority"]) == ("Export as PDF", "No priority")
    assert stored["ENG-2"]["title"] == "Export as PDF"


async def test_issues_are_listed_by_team_state_and_assignee(linear: Any):
    everything = (await linear("getIssues"))["issues"]
    team = (await linear("getIssues", team="DES"))["issues"]
    state = (await linear("getIssues", state="in progress"))["issues"]
    mine = (await linear("getIssues", assignee="me"))["issues"]
    hers = (await linear("getIssues", assignee="ana"))["issues"]
    assert len(everything) == 4
    assert [each["issue"] for each in team] == ["DES-1"]
    assert [each["issue"] for each in state] == [each["issue"] for each in hers] == ["ENG-1"]
    assert mine == []


async def test_issues_come_page_by_page(linear: Any):
    first = await linear("getIssues", limit=3)
    second = await linear("getIssues", limit=3, cursor=first["next_cursor"])
    assert (len(first["issues"]), len(second["issues"]), "next_cursor" in second) == (3, 1, False)


async def test_a_comment_is_written_and_found(opened: Any, linear: Any):
    made = await linear("comment", issue="ENG-1", text="Seen on **staging** too")
    (stored,) = await opened.sandbox.control.linear.documents("comment")
    found = (await linear("search", query="staging"))["issues"]
    by_title = (await linear("search", query="invoices pdf"))["issues"]
    assert (made["issue"], stored["body"]) == ("ENG-1", "Seen on **staging** too")
    assert "#comment-" in made["link"]
    assert [each["issue"] for each in found] == ["ENG-1"]
    assert [each["issue"] for each in by_title] == ["ENG-2"]


async def test_what_is_written_stays_text_and_calls_nobody(opened: Any, linear: Any):
    made = await linear("createIssue", title=HOSTILE, team="ENG", description=HOSTILE)
    await linear("comment", issue=made["issue"], text="https://linear.app/oblivion/profiles/ana look")
    found = (await linear("search", query=HOSTILE))["issues"]
    (comment,) = await opened.sandbox.control.linear.documents("comment")
    stored = (await issues(opened))[-1]
    assert (made["title"], stored["title"], stored["description"]) == (HOSTILE, HOSTILE, HOSTILE)
    assert [each["issue"] for each in found] == [made["issue"]]
    assert "/profiles/" not in comment["body"]


async def test_what_is_not_there_is_said_to_need_access(linear: Any):
    for call, arguments in (
        ("comment", {"issue": "ENG-99", "text": "x"}),
        ("updateIssue", {"issue": "ENG-99", "title": "x"}),
    ):
        with pytest.raises(PermanentFailure, match=r"no such issue, or .* access to the team") as refused:
            await linear(call, **arguments)
        assert refused.value.code == "linear_not_found"


async def test_states_and_people_that_are_not_there_are_answered_with_those_that_are(linear: Any):
    with pytest.raises(PermanentFailure, match="there are: Backlog, Todo, In Progress, Done, Canceled"):
        await linear("updateIssue", issue="ENG-1", state="Blocked")
    with pytest.raises(PermanentFailure, match="Nobody has that name"):
        await linear("updateIssue", issue="ENG-1", assignee="Zoe")
    with pytest.raises(PermanentFailure, match="Several people fit 'o'"):
        await linear("updateIssue", issue="ENG-1", assignee="o")


async def test_what_linear_says_of_wrong_arguments_is_passed_on(opened: Any, linear: Any):
    await linear("getIssues", team="ENG")
    await opened.sandbox.control.linear.misbehave(
        "*", "error", times=1, status=400, code="INPUT_ERROR", err="title should not contain\nlines"
    )
    with pytest.raises(
        PermanentFailure, match="does not take these arguments: title should not contain lines"
    ):
        await linear("createIssue", title="x", team="ENG")


async def test_what_is_left_of_the_rate_limit_is_told(linear: Any):
    checked = await linear.check()
    assert checked.account == "Oblivion in Oblivion Sandbox"
    assert checked.rate_limit_left > 2_000
