from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.testing import RunningSandbox

METADATA = {"event_type": "oblivion_effect", "event_payload": {"effect_id": "e1"}}


async def refusal(call: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response.data


async def test_auth_test_names_the_bot_and_lists_the_scopes(sandbox: RunningSandbox, slack: AsyncWebClient):
    app = await sandbox.control.slack.app()
    answer = await slack.auth_test()
    assert answer["bot_id"] == app["bot_id"]
    assert answer["team_id"] == app["team_id"]
    assert answer["user_id"] == app["bot_user_id"]
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_a_posted_message_is_stored_as_slack_stores_it(sandbox: RunningSandbox, slack: AsyncWebClient):
    app = await sandbox.control.slack.app()
    posted = await slack.chat_postMessage(
        channel="launch",
        text="hi <there> & <@U0000000001>",
        blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}],
        metadata=METADATA,
    )
    message = posted["message"]
    assert message["text"] == "hi &lt;there&gt; &amp; <@U0000000001>"
    assert message["user"] == app["bot_user_id"]
    assert (message["bot_id"], message["app_id"], message["team"]) == (
        app["bot_id"],
        app["app_id"],
        app["team_id"],
    )
    assert message["blocks"][0]["block_id"]
    assert posted["channel"] == (await sandbox.control.slack.channels())["launch"]


async def test_form_bodies_work_like_json_ones(sandbox: RunningSandbox):
    app = await sandbox.control.slack.app()
    form = {
        "channel": "launch",
        "text": "hi",
        "blocks": '[{"type":"divider"}]',
        "metadata": '{"event_type":"e","event_payload":{}}',
        "token": app["bot_token"],
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = (await http.post(sandbox.slack_api_url + "chat.postMessage", data=form)).json()
    assert answer["ok"] is True
    assert answer["message"]["blocks"][0]["type"] == "divider"
    assert answer["message"]["metadata"]["event_type"] == "e"


async def test_metadata_is_given_back_only_on_request(slack: AsyncWebClient):
    posted = await slack.chat_postMessage(channel="launch", text="x", metadata=METADATA)
    plain = await slack.conversations_history(channel=posted["channel"])
    full = await slack.conversations_history(channel=posted["channel"], include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == METADATA


async def test_a_thread_shows_its_figures_on_the_root(sandbox: RunningSandbox, slack: AsyncWebClient):
    root = await slack.chat_postMessage(channel="launch", text="root")
    first = await sandbox.control.slack.post("launch", "one", user="ana", thread_ts=root["ts"])
    # A reply to a reply belongs to the same thread.
    second = await slack.chat_postMessage(channel="launch", text="two", thread_ts=first["ts"])
    thread = await slack.conversations_replies(channel=root["channel"], ts=root["ts"])
    assert [message["ts"] for message in thread["messages"]] == [root["ts"], first["ts"], second["ts"]]
    assert thread["messages"][0]["reply_count"] == 2
    assert thread["messages"][0]["latest_reply"] == second["ts"]
    assert thread["messages"][1]["parent_user_id"] == thread["messages"][0]["user"]
    history = await slack.conversations_history(channel=root["channel"])
    assert [message["text"] for message in history["messages"]] == ["root"]


async def test_a_broadcast_reply_is_in_the_channel_too(slack: AsyncWebClient):
    root = await slack.chat_postMessage(channel="launch", text="root")
    await slack.chat_postMessage(channel="launch", text="all", thread_ts=root["ts"], reply_broadcast=True)
    history = await slack.conversations_history(channel=root["channel"])
    assert history["messages"][0]["subtype"] == "thread_broadcast"
    assert history["messages"][0]["root"]["text"] == "root"


async def test_history_pages_by_cursor_without_gap_or_overlap(sandbox: RunningSandbox, slack: AsyncWebClient):
    for number in range(7):
        await sandbox.control.slack.post("launch", str(number))
    channel = (await sandbox.control.slack.channels())["launch"]
    seen: list[str] = []
    cursor = None
    while True:
        page = await slack.conversations_history(channel=channel, limit=3, cursor=cursor)
        seen += [message["text"] for message in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        assert page["has_more"] is bool(cursor)
        if not cursor:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_history_is_bounded_by_oldest_and_latest(sandbox: RunningSandbox, slack: AsyncWebClient):
    stamps = [(await sandbox.control.slack.post("launch", str(number)))["ts"] for number in range(4)]
    channel = (await sandbox.control.slack.channels())["launch"]

    async def texts(**bounds: Any) -> list[str]:
        page = await slack.conversations_history(channel=channel, **bounds)
        return [message["text"] for message in page["messages"]]

    assert await texts(oldest=stamps[1]) == ["3", "2"]
    assert await texts(oldest=stamps[1], inclusive=True) == ["3", "2", "1"]
    assert await texts(oldest=stamps[0], latest=stamps[2]) == ["1"]


async def test_timestamps_of_a_channel_are_unique_and_increasing(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    await sandbox.control.slack.change_app(limits_scale=0)
    stamps = [(await slack.chat_postMessage(channel="launch", text="x"))["ts"] for _ in range(20)]
    assert stamps == sorted(set(stamps))


async def test_an_update_replaces_text_blocks_and_metadata(slack: AsyncWebClient):
    posted = await slack.chat_postMessage(
        channel="launch", text="a", blocks=[{"type": "divider"}], metadata=METADATA
    )
    updated = await slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="b")
    assert updated["message"]["text"] == "b"
    assert updated["message"]["edited"]["user"] == posted["message"]["user"]
    history = await slack.conversations_history(channel=posted["channel"], include_all_metadata=True)
    assert "blocks" not in history["messages"][0]
    assert history["messages"][0]["metadata"] == METADATA


async def test_only_its_own_messages_can_a_bot_change(sandbox: RunningSandbox, slack: AsyncWebClient):
    message = await sandbox.control.slack.post("launch", "mine")
    channel = (await sandbox.control.slack.channels())["launch"]
    updated = await refusal(slack.chat_update(channel=channel, ts=message["ts"], text="b"))
    deleted = await refusal(slack.chat_delete(channel=channel, ts=message["ts"]))
    assert (updated["error"], deleted["error"]) == ("cant_update_message", "cant_delete_message")


async def test_a_deleted_message_is_gone_but_counted(sandbox: RunningSandbox, slack: AsyncWebClient):
    posted = await slack.chat_postMessage(channel="launch", text="x")
    await slack.chat_delete(channel=posted["channel"], ts=posted["ts"])
    assert (await slack.conversations_history(channel=posted["channel"]))["messages"] == []
    again = await refusal(slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="y"))
    assert again["error"] == "message_not_found"
    ever = await sandbox.control.slack.messages("launch")
    assert [(entry["ts"], entry["deleted"]) for entry in ever] == [(posted["ts"], True)]


async def test_a_deleted_root_leaves_a_tombstone_while_it_has_replies(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    root = await slack.chat_postMessage(channel="launch", text="root")
    await sandbox.control.slack.post("launch", "reply", thread_ts=root["ts"])
    await slack.chat_delete(channel=root["channel"], ts=root["ts"])
    history = await slack.conversations_history(channel=root["channel"])
    assert history["messages"][0]["subtype"] == "tombstone"
    assert history["messages"][0]["reply_count"] == 1


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "nowhere", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "support", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": "launch"}, "no_text"),
        ("chat.postMessage", {"channel": "launch", "text": "   "}, "no_text"),
        ("chat.postMessage", {"channel": "launch", "text": "x" * 40_001}, "msg_too_long"),
        (
            "chat.postMessage",
            {"channel": "launch", "text": "x", "blocks": "no json"},
            "invalid_blocks_format",
        ),
        ("chat.postMessage", {"channel": "launch", "text": "x", "blocks": [{"type": "?"}]}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "launch", "text": "x", "thread_ts": "1.2"}, "invalid_thread_ts"),
        (
            "chat.postMessage",
            {"channel": "launch", "text": "x", "thread_ts": "1700000000.000001"},
            "thread_not_found",
        ),
        (
            "chat.postMessage",
            {"channel": "launch", "text": "x", "metadata": {"a": 1}},
            "invalid_metadata_format",
        ),
        (
            "chat.postMessage",
            {"channel": "launch", "text": "x", "metadata": {"event_type": "e", "event_payload": []}},
            "invalid_metadata_format",
        ),
        ("chat.update", {"channel": "launch", "ts": "1700000000.000001", "text": "x"}, "message_not_found"),
        ("chat.postEphemeral", {"channel": "launch", "user": "U0", "text": "x"}, "user_not_found"),
        ("conversations.history", {"channel": "support"}, "not_in_channel"),
        ("conversations.replies", {"channel": "launch", "ts": "1700000000.000001"}, "thread_not_found"),
        ("conversations.history", {"channel": "launch", "cursor": "%%%"}, "invalid_cursor"),
        ("conversations.history", {"channel": "launch", "limit": "0"}, "invalid_limit"),
        ("users.info", {"user": "U0"}, "user_not_found"),
        (
            "reactions.add",
            {"channel": "launch", "timestamp": "1.000001", "name": "eyes"},
            "message_not_found",
        ),
        ("apps.connections.open", {}, "not_allowed_token_type"),
        ("files.upload", {}, "unknown_method"),
    ],
)
async def test_a_refusal_carries_slacks_own_error_code(
    slack: AsyncWebClient, method: str, arguments: dict[str, Any], error: str
):
    assert (await refusal(slack.api_call(method, json=arguments)))["error"] == error


async def test_faulty_blocks_are_named_with_their_place(slack: AsyncWebClient):
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "h" * 151}}]
    answer = await refusal(slack.chat_postMessage(channel="launch", text="x", blocks=blocks))
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_an_update_has_a_shorter_limit_than_a_post(slack: AsyncWebClient):
    posted = await slack.chat_postMessage(channel="launch", text="x" * 4001)
    answer = await refusal(slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="y" * 4001))
    assert answer["error"] == "msg_too_long"


@pytest.mark.parametrize(
    ("state", "error"),
    [("expired", "token_expired"), ("revoked", "token_revoked")],
    ids=["expired", "revoked"],
)
async def test_a_token_that_is_no_good_says_why(
    sandbox: RunningSandbox, slack: AsyncWebClient, state: str, error: str
):
    await sandbox.control.slack.change_app(token_state=state)
    assert (await refusal(slack.auth_test()))["error"] == error


async def test_unknown_and_absent_tokens_are_told_apart(sandbox: RunningSandbox):
    unknown = AsyncWebClient(token="xoxb-unknown", base_url=sandbox.slack_api_url)
    assert (await refusal(unknown.auth_test()))["error"] == "invalid_auth"
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(sandbox.slack_api_url + "auth.test")
    assert answer.json()["error"] == "not_authed"


async def test_a_missing_scope_is_named_together_with_those_given(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    await sandbox.control.slack.change_app(scopes=["users:read"])
    answer = await refusal(slack.chat_postMessage(channel="launch", text="x"))
    assert answer == {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "users:read"}


async def test_too_many_posts_to_one_channel_are_told_to_wait(sandbox: RunningSandbox, slack: AsyncWebClient):
    for _ in range(5):
        await slack.chat_postMessage(channel="launch", text="x")
    with pytest.raises(SlackApiError) as limited:
        await slack.chat_postMessage(channel="launch", text="x")
    assert limited.value.response.status_code == 429
    assert limited.value.response.data["error"] == "ratelimited"
    assert limited.value.response.headers["Retry-After"] == "1"
    await slack.chat_postMessage(channel="general", text="another channel has a budget of its own")
    await sandbox.control.slack.change_app(limits_scale=0)
    await slack.chat_postMessage(channel="launch", text="x")


async def test_joining_lets_the_app_post(sandbox: RunningSandbox, slack: AsyncWebClient):
    channel = (await sandbox.control.slack.channels())["support"]
    await slack.conversations_join(channel=channel)
    assert (await slack.conversations_info(channel=channel))["channel"]["is_member"] is True
    await slack.chat_postMessage(channel=channel, text="hello")
    await sandbox.control.slack.kick("support")
    assert (await refusal(slack.chat_postMessage(channel=channel, text="x")))["error"] == "not_in_channel"


async def test_an_archived_channel_takes_nothing(sandbox: RunningSandbox, slack: AsyncWebClient):
    await sandbox.control.slack.archive_channel("launch")
    assert (await refusal(slack.chat_postMessage(channel="launch", text="x")))["error"] == "is_archived"


async def test_people_channels_and_the_team_are_listed(sandbox: RunningSandbox, slack: AsyncWebClient):
    channels = (await slack.conversations_list())["channels"]
    assert [(channel["name"], channel["is_member"]) for channel in channels] == [
        ("general", True),
        ("launch", True),
        ("support", False),
    ]
    own = (await slack.users_conversations(types="public_channel,im"))["channels"]
    assert [channel["name"] for channel in own] == ["general", "launch"]
    first = await slack.conversations_list(limit=2)
    rest = await slack.conversations_list(limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert len(first["channels"]) + len(rest["channels"]) == 3
    members = (await slack.users_list())["members"]
    assert [member["name"] for member in members] == ["you", "ana", "ben", "oblivion"]
    assert (await slack.users_info(user=members[1]["id"]))["user"]["real_name"] == "Ana Silva"
    app = await sandbox.control.slack.app()
    assert (await slack.team_info())["team"]["id"] == app["team_id"]
    assert (await slack.bots_info(bot=app["bot_id"]))["bot"]["user_id"] == app["bot_user_id"]


async def test_a_permalink_leads_to_the_message_on_the_page(sandbox: RunningSandbox, slack: AsyncWebClient):
    posted = await slack.chat_postMessage(channel="launch", text="find me")
    link = (await slack.chat_getPermalink(channel=posted["channel"], message_ts=posted["ts"]))["permalink"]
    assert link == f"{sandbox.base_url}/slack/archives/{posted['channel']}/p{posted['ts'].replace('.', '')}"
    async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as http:
        page = await http.get(link)
    assert page.url.fragment == f"m{posted['ts']}"
    assert "find me" in page.text


async def test_an_ephemeral_message_is_shown_to_one_and_kept_out_of_history(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    you = (await sandbox.control.slack.users())["you"]
    channel = (await sandbox.control.slack.channels())["launch"]
    await slack.chat_postEphemeral(channel=channel, user=you, text="psst")
    assert (await slack.conversations_history(channel=channel))["messages"] == []
    assert len(await sandbox.control.slack.ephemerals("launch")) == 1


async def test_a_reaction_shows_on_the_message_and_is_given_once(slack: AsyncWebClient):
    posted = await slack.chat_postMessage(channel="launch", text="x")
    place = {"channel": posted["channel"], "timestamp": posted["ts"], "name": "eyes"}
    await slack.reactions_add(**place)
    history = await slack.conversations_history(channel=posted["channel"])
    assert history["messages"][0]["reactions"][0]["count"] == 1
    assert (await refusal(slack.reactions_add(**place)))["error"] == "already_reacted"


async def test_calls_are_counted_by_method_and_by_error(sandbox: RunningSandbox, slack: AsyncWebClient):
    await slack.chat_postMessage(channel="launch", text="x")
    await refusal(slack.chat_postMessage(channel="support", text="x"))
    calls = await sandbox.control.slack.calls()
    assert calls["chat.postMessage"] == 2
    assert calls["chat.postMessage:not_in_channel"] == 1


async def test_guests_and_people_of_other_companies_are_told_apart(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    guest = await sandbox.control.slack.add_user("guest", is_restricted=True)
    stranger = await sandbox.control.slack.add_user("stranger", is_stranger=True, team_id="T0000OTHER")
    posted = await sandbox.control.slack.post("launch", "hello", user="stranger")
    people = [(await slack.users_info(user=user))["user"] for user in (guest, stranger)]
    assert [person["is_restricted"] for person in people] == [True, False]
    assert (people[1]["is_stranger"], people[1]["team_id"]) == (True, "T0000OTHER")
    assert posted["team"] == "T0000OTHER"


async def test_a_file_is_uploaded_in_two_steps_and_shared_in_a_thread(
    sandbox: RunningSandbox, slack: AsyncWebClient
):
    root = await sandbox.control.slack.post("launch", "question")
    channel = (await sandbox.control.slack.channels())["launch"]
    await slack.files_upload_v2(
        channel=channel, thread_ts=root["ts"], filename="answer.md", title="Answer", content="# Long\n"
    )
    (message,) = await sandbox.control.slack.thread("launch", root["ts"])
    (file,) = message["files"]
    assert (file["name"], file["title"], message["subtype"]) == ("answer.md", "Answer", "file_share")
    async with httpx.AsyncClient() as client:
        assert (await client.get(file["url_private"])).text == "# Long\n"


async def test_a_file_that_was_not_uploaded_is_not_shared(sandbox: RunningSandbox, slack: AsyncWebClient):
    announced = await slack.files_getUploadURLExternal(filename="a.md", length=3)
    channel = (await sandbox.control.slack.channels())["launch"]
    share = slack.files_completeUploadExternal(files=[{"id": announced["file_id"]}], channel_id=channel)
    with pytest.raises(SlackApiError, match="file_not_uploaded"):
        await share
