import re
from typing import Any

import pytest

from oblivion_platform.errors import PermanentFailure

HOSTILE = 'hi <!channel> <@U123|ana> @here @everyone <https://evil.test|click> & [{"type":"section"}]'


@pytest.fixture
async def slack(opened: Any) -> Any:
    return await opened("slack")


async def posted(opened: Any, channel: str = "launch") -> list[dict[str, Any]]:
    return [each["message"] for each in await opened.sandbox.control.slack.messages(channel)]


async def test_a_message_is_posted_by_the_channels_name(opened: Any, slack: Any):
    made = await slack("postMessage", channel="#launch", text="done")
    answer = await slack("postMessage", channel=made["channel"], text="really", thread=made["ts"])
    first, second = await posted(opened)
    assert (first["text"], second["text"], second["thread_ts"]) == ("done", "really", made["ts"])
    assert made["link"].startswith(opened.sandbox.base_url)
    assert answer["ts"] == second["ts"]


async def test_a_message_calls_nobody_and_carries_no_markup_of_slacks(opened: Any, slack: Any):
    await slack("postMessage", channel="launch", text=HOSTILE)
    message = (await posted(opened))[-1]
    read = (await slack("history", channel="launch"))["messages"][0]
    assert not re.search(r"<[@!#]|<[^>]*\|", message["text"])
    assert "@here" not in message["text"]
    assert not any(block["type"] == "section" for block in message.get("blocks", []))
    assert read["text"] == HOSTILE.replace("@here", "@ here").replace("@everyone", "@ everyone")


async def test_channels_and_people_are_listed_page_by_page(slack: Any):
    first = await slack("getChannels", limit=1)
    rest = await slack("getChannels", cursor=first["next_cursor"])
    people = await slack("getUsers")
    some = await slack("getUsers", limit=2)
    names = {each["name"]: each["is_member"] for each in first["channels"] + rest["channels"]}
    assert names == {"general": True, "launch": True, "support": False}
    assert {"you", "ana", "ben"} <= {each["name"] for each in people["users"]}
    assert (len(some["users"]), "next_cursor" in some) == (2, True)


async def test_history_is_read_page_by_page_and_thread_by_thread(opened: Any, slack: Any):
    control = opened.sandbox.control.slack
    root = await control.post("launch", "root <@U0|x>", user="ana")
    await control.post("launch", "reply", user="ben", thread_ts=root["ts"])
    await control.post("launch", "last")
    first = await slack("history", channel="launch", limit=1)
    second = await slack("history", channel="launch", limit=1, cursor=first["next_cursor"])
    thread = await slack("history", channel="launch", thread=root["ts"])
    assert [each["text"] for each in first["messages"] + second["messages"]] == ["last", "root @x"]
    assert [each["text"] for each in thread["messages"]] == ["root @x", "reply"]
    assert second["messages"][0]["replies"] == 1


async def test_words_are_found_in_the_channels_that_the_app_is_in(opened: Any, slack: Any):
    control = opened.sandbox.control.slack
    await control.post("launch", "The Budget is ready", user="ana")
    await control.post("general", "no budget here", user="ben")
    await control.post("support", "budget, unseen", user="ben")
    everywhere = await slack("search", query="budget")
    here = await slack("search", query="ready budget", channel="launch")
    assert {each["text"] for each in everywhere["messages"]} == {"The Budget is ready", "no budget here"}
    assert len(everywhere["searched"]) == 2
    assert [each["text"] for each in here["messages"]] == ["The Budget is ready"]


async def test_a_channel_that_is_not_there_or_that_the_app_is_not_in_is_said_to_need_an_invitation(
    slack: Any,
):
    for call, arguments in (
        ("postMessage", {"channel": "nowhere", "text": "x"}),
        ("postMessage", {"channel": "C0000000000", "text": "x"}),
        ("history", {"channel": "support"}),
    ):
        with pytest.raises(PermanentFailure, match="/invite") as refused:
            await slack(call, **arguments)
        assert refused.value.code == "slack_not_found"


async def test_without_the_scope_for_private_channels_the_public_ones_are_listed(opened: Any, slack: Any):
    control = opened.sandbox.control.slack
    await control.misbehave("conversations.list", "error", times=1, code="missing_scope")
    listed = await slack("getChannels")
    assert {each["name"] for each in listed["channels"]} == {"general", "launch", "support"}
    await control.misbehave("conversations.list", "error", times=2, code="missing_scope")
    with pytest.raises(PermanentFailure, match="installs the app again"):
        await slack("getChannels")


async def test_the_scopes_of_the_token_are_told(slack: Any):
    checked = await slack.check()
    assert checked.account == "@oblivion in Oblivion Sandbox"
    assert "chat:write" in checked.rights


async def test_an_archived_channel_takes_no_message(opened: Any, slack: Any):
    channels = await opened.sandbox.control.slack.channels()
    await opened.sandbox.control.slack.archive_channel("launch")
    with pytest.raises(PermanentFailure, match="archived"):
        await slack("postMessage", channel=channels["launch"], text="x")
    assert await posted(opened) == []
