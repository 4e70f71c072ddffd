"""What every provider does when its vendor does not do as wished."""

import logging
import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from oblivion_platform.errors import (
    AnswerLost,
    AuthenticationFailed,
    DependencyUnavailable,
    PermanentFailure,
    RateLimited,
)

NO_WAIT_NAMED_S = 60.0


@dataclass(frozen=True)
class Case:
    """A provider with a tool that reads, a tool that writes, and the call of the API that does it."""

    provider: str
    read: tuple[str, dict[str, Any]]
    write: tuple[str, dict[str, Any]]
    write_call: str
    wait_s: float = 7.0
    missing: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.provider


CASES = [
    Case("notion", ("getTasks", {}), ("createTask", {"title": "x"}), "POST /pages"),
    Case(
        "slack", ("getChannels", {}), ("postMessage", {"channel": "launch", "text": "x"}), "chat.postMessage"
    ),
    Case("linear", ("getIssues", {}), ("createIssue", {"title": "x", "team": "ENG"}), "POST /graphql"),
    Case(
        "jira", ("getIssues", {}), ("createIssue", {"title": "x", "project": "ROC"}), "POST /rest/api/3/issue"
    ),
    Case(
        "clickup", ("getLists", {}), ("createTask", {"title": "x", "in_list": "Ideas"}), "POST /list/*/task"
    ),
    Case(
        "google_calendar",
        ("listEvents", {}),
        ("createEvent", {"title": "x", "start": "2026-12-01T10:00"}),
        "POST /calendars/*/events",
        wait_s=NO_WAIT_NAMED_S,
    ),
]
every_provider = pytest.mark.parametrize("case", CASES, ids=str)


@every_provider
async def test_a_token_that_is_not_accepted_is_said_to_be_so_and_never_shown(opened: Any, case: Case):
    tools = await opened(case.provider, credential="canary-4711")
    for tool, arguments in (case.read, case.write):
        with pytest.raises(AuthenticationFailed, match="does not accept this connection's token") as refused:
            await tools(tool, **arguments)
        assert "canary-4711" not in str(refused.value)
    with pytest.raises(AuthenticationFailed):
        await tools.check()


@every_provider
async def test_a_good_token_tells_whose_it_is(opened: Any, case: Case):
    checked = await (await opened(case.provider)).check()
    assert checked.account
    assert await opened.credential(case.provider) not in repr(checked)


@every_provider
async def test_a_rate_limit_says_how_long_to_wait(opened: Any, case: Case):
    tools = await opened(case.provider)
    await opened.vendor(case.provider).misbehave("*", "rate_limited", times=1, retry_after=7)
    with pytest.raises(RateLimited, match=r"rate limit is reached; try again in \d+ s") as limited:
        await tools(case.read[0], **case.read[1])
    assert limited.value.retry_after_s == pytest.approx(case.wait_s, abs=4)
    # By another session: this one may know by itself that it has to wait.
    assert await (await opened(case.provider))(case.read[0], **case.read[1])


@every_provider
async def test_a_vendor_that_breaks_while_reading_is_away(opened: Any, case: Case):
    tools = await opened(case.provider)
    for action in ("http_500_before", "cut_before"):
        await opened.vendor(case.provider).misbehave("*", action)
        with pytest.raises(DependencyUnavailable, match="does not answer"):
            await tools(case.read[0], **case.read[1])
        await opened.vendor(case.provider).behave()
    assert await tools(case.read[0], **case.read[1])


@every_provider
async def test_a_write_whose_answer_was_lost_is_not_said_to_have_failed(opened: Any, case: Case):
    tools = await opened(case.provider)
    await tools(case.write[0], **case.write[1])
    for action in ("http_500_after", "cut_after"):
        await opened.vendor(case.provider).misbehave(case.write_call, action, times=1)
        with pytest.raises(AnswerLost, match="may have been carried out: look whether it was done"):
            await tools(case.write[0], **case.write[1])
    assert await tools(case.write[0], **case.write[1])


@every_provider
async def test_a_vendor_that_cannot_be_reached_is_away(opened: Any, case: Case):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    tools = await opened(case.provider, base_url=f"http://127.0.0.1:{port}/")
    with pytest.raises(DependencyUnavailable, match="does not answer"):
        await tools(case.read[0], **case.read[1])


@every_provider
async def test_neither_tokens_nor_what_is_written_is_logged(
    opened: Any, caplog: pytest.LogCaptureFixture, case: Case
):
    caplog.set_level(logging.DEBUG)
    tools = await opened(case.provider)
    token = await opened.credential(case.provider)
    secret_words = {name: "canary-4711" for name in ("title", "text") if name in case.write[1]}
    made = await tools(case.write[0], **case.write[1] | secret_words)
    await opened.vendor(case.provider).misbehave("*", "error", times=1, status=400, err="canary-4712")
    with pytest.raises(PermanentFailure):
        await tools(case.write[0], **case.write[1] | secret_words)
    assert made
    for canary in ("canary-4711", "canary-4712", token):
        assert canary not in caplog.text


@pytest.mark.parametrize(
    ("provider", "right", "fix"),
    [
        ("notion", "insert_content", "ticks the capability"),
        ("linear", "write", "makes a key with this permission"),
        ("jira", "CREATE_ISSUES", "admin of the Jira project"),
        ("google_calendar", "calendar.events", "grant seeing and editing events"),
    ],
)
async def test_a_missing_right_is_named_with_its_fix(opened: Any, provider: str, right: str, fix: str):
    control = opened.vendor(provider)
    rights = (await control.account())["rights"]
    others = [each for each in rights if each != right and not each.endswith(":create")]
    await control.change_account(rights=others)
    case = next(each for each in CASES if each.provider == provider)
    tools = await opened(provider)
    with pytest.raises(PermanentFailure, match=fix) as refused:
        await tools(case.write[0], **case.write[1])
    assert refused.value.code == f"{provider}_right_missing"
    assert await tools(case.read[0], **case.read[1]) is not None


async def test_a_missing_scope_of_slack_is_named(opened: Any):
    app = await opened.sandbox.control.slack.app()
    scopes = [scope for scope in app["scopes"] if scope != "chat:write"]
    await opened.sandbox.control.slack.change_app(scopes=scopes)
    tools = await opened("slack")
    with pytest.raises(PermanentFailure, match=r"lacks the right chat:write\. .*installs the app again"):
        await tools("postMessage", channel="launch", text="x")


async def test_a_right_that_clickup_refuses_is_named_with_its_fix(opened: Any):
    tools = await opened("clickup")
    await opened.sandbox.control.clickup.misbehave(
        "POST /list/*/task", "error", times=1, status=403, code="ACCESS_054", err="no access"
    )
    with pytest.raises(PermanentFailure, match="edit rights to the list"):
        await tools("createTask", title="x", in_list="Ideas")
