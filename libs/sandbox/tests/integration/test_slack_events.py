import hashlib
import hmac
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.testing import RunningSandbox, running_sandbox


async def listen(sandbox: RunningSandbox, receiver: Any) -> dict[str, Any]:
    return await sandbox.control.slack.change_app(request_url=f"{receiver.url}/webhooks/slack")


async def test_events_are_signed_as_slack_signs_them(sandbox: RunningSandbox, receiver: Any):
    app = await listen(sandbox, receiver)
    await sandbox.control.slack.post("launch", "hello")
    await sandbox.control.slack.delivered()
    request = receiver.requests[0]
    verifier = SignatureVerifier(app["signing_secret"])
    assert verifier.is_valid_request(request.body, request.headers)
    assert not verifier.is_valid_request(request.body + b" ", request.headers)


async def test_an_envelope_has_the_real_shape(sandbox: RunningSandbox, receiver: Any):
    app = await listen(sandbox, receiver)
    message = await sandbox.control.slack.post("launch", "hello", user="ana")
    await sandbox.control.slack.delivered()
    envelope = receiver.requests[0].json
    assert envelope["type"] == "event_callback"
    assert (envelope["team_id"], envelope["api_app_id"]) == (app["team_id"], app["app_id"])
    assert envelope["token"] == app["verification_token"]
    assert envelope["event_id"].startswith("Ev")
    assert envelope["authorizations"][0]["user_id"] == app["bot_user_id"]
    event = envelope["event"]
    assert event["type"] == "message"
    assert event["channel_type"] == "channel"
    assert event["ts"] == event["event_ts"] == message["ts"]
    assert event["user"] == (await sandbox.control.slack.users())["ana"]
    assert "subtype" not in event
    assert event["client_msg_id"]
    assert event["blocks"][0]["elements"][0]["elements"] == [{"type": "text", "text": "hello"}]


async def test_a_mention_arrives_twice_with_two_event_ids(sandbox: RunningSandbox, receiver: Any):
    app = await listen(sandbox, receiver)
    await sandbox.control.slack.post("launch", f"<@{app['bot_user_id']}> do it")
    await sandbox.control.slack.delivered()
    events = receiver.events()
    assert sorted(event["type"] for event in events) == ["app_mention", "message"]
    assert events[0]["ts"] == events[1]["ts"]
    assert len({request.json["event_id"] for request in receiver.requests}) == 2


async def test_our_own_messages_come_back(sandbox: RunningSandbox, slack: AsyncWebClient, receiver: Any):
    app = await listen(sandbox, receiver)
    await slack.chat_postMessage(channel="launch", text=f"I am <@{app['bot_user_id']}>")
    await sandbox.control.slack.delivered()
    assert [event["type"] for event in receiver.events()] == ["message"]
    assert receiver.events()[0]["bot_id"] == app["bot_id"]


async def test_nothing_is_told_of_a_channel_without_the_app(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    await sandbox.control.slack.post("support", "secret")
    await sandbox.control.slack.post("launch", "open")
    await sandbox.control.slack.delivered()
    assert [event["text"] for event in receiver.events()] == ["open"]


async def test_an_edit_nests_the_message_and_its_former_self(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    message = await sandbox.control.slack.post("launch", "befor", user="ana")
    await sandbox.control.slack.edit("launch", message["ts"], "before")
    await sandbox.control.slack.delivered()
    changed = next(event for event in receiver.events() if event.get("subtype") == "message_changed")
    assert "user" not in changed
    assert "text" not in changed
    assert changed["message"]["text"] == "before"
    assert changed["message"]["edited"]["user"] == message["user"]
    assert changed["previous_message"]["text"] == "befor"
    assert changed["ts"] > message["ts"] == changed["message"]["ts"]


async def test_a_link_preview_is_a_change_without_a_new_text(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    message = await sandbox.control.slack.post("launch", "https://a.example/x")
    await sandbox.control.slack.add_preview("launch", message["ts"], [{"title": "A page"}])
    await sandbox.control.slack.delivered()
    changed = next(event for event in receiver.events() if event.get("subtype") == "message_changed")
    assert changed["message"]["text"] == changed["previous_message"]["text"]
    assert "edited" not in changed["message"]


async def test_a_deletion_nests_what_was_deleted(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    message = await sandbox.control.slack.post("launch", "oops")
    await sandbox.control.slack.delete("launch", message["ts"])
    await sandbox.control.slack.delivered()
    deleted = next(event for event in receiver.events() if event.get("subtype") == "message_deleted")
    assert deleted["deleted_ts"] == message["ts"]
    assert deleted["previous_message"]["text"] == "oops"


async def test_the_bot_added_later_by_an_edit_is_a_mention_with_the_old_ts(
    sandbox: RunningSandbox, receiver: Any
):
    app = await listen(sandbox, receiver)
    message = await sandbox.control.slack.post("launch", "do it")
    await sandbox.control.slack.edit("launch", message["ts"], f"<@{app['bot_user_id']}> do it")
    await sandbox.control.slack.delivered()
    mention = next(event for event in receiver.events() if event["type"] == "app_mention")
    assert mention["ts"] == message["ts"]
    assert mention["edited"]


async def test_people_post_files_broadcasts_and_me_messages(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    root = await sandbox.control.slack.post("launch", "root")
    await sandbox.control.slack.post("launch", "all", thread_ts=root["ts"], broadcast=True)
    await sandbox.control.slack.post(
        "launch", "a file", subtype="file_share", files=[{"id": "F1", "name": "a.txt"}]
    )
    await sandbox.control.slack.post("launch", "waves", subtype="me_message")
    await sandbox.control.slack.delivered()
    by_text = {event["text"]: event for event in receiver.events()}
    assert by_text["all"]["subtype"] == "thread_broadcast"
    assert by_text["all"]["root"]["ts"] == root["ts"]
    assert by_text["a file"]["files"][0]["id"] == "F1"
    assert by_text["waves"]["subtype"] == "me_message"


async def test_an_invitation_is_a_join_notice_and_an_event(sandbox: RunningSandbox, receiver: Any):
    app = await listen(sandbox, receiver)
    await sandbox.control.slack.invite("support")
    await sandbox.control.slack.delivered()
    notice, joined = sorted(receiver.events(), key=lambda event: event["type"], reverse=True)
    assert notice["subtype"] == "channel_join"
    assert f"<@{app['bot_user_id']}>" in notice["text"]
    assert (joined["type"], joined["user"]) == ("member_joined_channel", app["bot_user_id"])
    assert joined["inviter"]


async def test_renames_archives_reactions_and_uninstalling_are_told(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    control = sandbox.control.slack
    message = await control.post("launch", "x")
    await control.react("launch", message["ts"], "eyes", user="ben")
    await control.rename_channel("launch", "liftoff")
    await control.archive_channel("liftoff")
    await control.uninstall()
    await control.delivered()
    kinds = {event["type"] for event in receiver.events()}
    assert {
        "reaction_added",
        "channel_rename",
        "channel_archive",
        "tokens_revoked",
        "app_uninstalled",
    } <= kinds
    await control.post("general", "nobody listens")
    assert "waiting" not in await control.delivery_counts()


async def test_without_the_scope_or_the_subscription_nothing_is_told(sandbox: RunningSandbox, receiver: Any):
    app = await listen(sandbox, receiver)
    mention = f"<@{app['bot_user_id']}>"
    await sandbox.control.slack.change_app(subscriptions=["app_mention"])
    await sandbox.control.slack.post("launch", mention)
    await sandbox.control.slack.change_app(scopes=["chat:write"])
    await sandbox.control.slack.post("launch", mention)
    await sandbox.control.slack.delivered()
    assert [event["type"] for event in receiver.events()] == ["app_mention"]


async def test_a_failed_delivery_is_tried_four_times_with_number_and_reason(
    sandbox: RunningSandbox, receiver: Any
):
    await listen(sandbox, receiver)
    receiver.answers = [500, 500, 503, 500]
    await sandbox.control.slack.post("launch", "x")
    await sandbox.control.slack.delivered()
    headers = [request.headers for request in receiver.requests]
    assert [header.get("X-Slack-Retry-Num") for header in headers] == [None, "1", "2", "3"]
    assert {header.get("X-Slack-Retry-Reason") for header in headers} == {None, "http_error"}
    assert len({request.json["event_id"] for request in receiver.requests}) == 1
    delivery = (await sandbox.control.slack.deliveries())[0]
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("failed", 4, 500)


async def test_retries_come_at_once_after_one_minute_and_after_five_all_scaled(tmp_path: Path, receiver: Any):
    scale = 0.005
    async with running_sandbox(tmp_path, retry_scale=scale) as sandbox:
        await listen(sandbox, receiver)
        receiver.answers = [500, 500, 500, 500]
        await sandbox.control.slack.post("launch", "x")
        await sandbox.control.slack.delivered()
    waits_s = [later.at_s - earlier.at_s for earlier, later in pairwise(receiver.requests)]
    assert len(waits_s) == 3
    for waited_s, wanted_s in zip(waits_s, (0.0, 60.0, 300.0), strict=True):
        assert scale * wanted_s - 0.01 <= waited_s < scale * wanted_s + 1.0
    assert waits_s[0] < waits_s[1] < waits_s[2]


async def test_a_retry_that_is_taken_ends_the_delivery(sandbox: RunningSandbox, receiver: Any):
    await listen(sandbox, receiver)
    receiver.answers = [503]
    await sandbox.control.slack.post("launch", "x")
    await sandbox.control.slack.delivered()
    assert len(receiver.requests) == 2
    assert (await sandbox.control.slack.delivery_counts()) == {"delivered": 1}


async def test_an_absent_receiver_is_a_failed_connection(sandbox: RunningSandbox):
    await sandbox.control.slack.change_app(request_url="http://127.0.0.1:9/webhooks/slack")
    await sandbox.control.slack.post("launch", "x")
    await sandbox.control.slack.delivered()
    assert (await sandbox.control.slack.deliveries())[0]["last_error"] == "connection_failed"


async def test_a_url_is_verified_by_its_challenge(sandbox: RunningSandbox, receiver: Any):
    app = await listen(sandbox, receiver)
    assert (await sandbox.control.slack.verify_url())["verified"] is True
    request = receiver.requests[0]
    signed = f"v0:{request.headers['X-Slack-Request-Timestamp']}:".encode() + request.body
    wanted = "v0=" + hmac.new(app["signing_secret"].encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["X-Slack-Signature"] == wanted
    assert (await sandbox.control.slack.verify_url("http://127.0.0.1:9/"))["verified"] is False


async def test_slash_commands_and_buttons_are_signed_forms(
    sandbox: RunningSandbox, slack: AsyncWebClient, receiver: Any, eventually: Callable[..., Any]
):
    await listen(sandbox, receiver)
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "7"}
    posted = await slack.chat_postMessage(
        channel="launch", text="x", blocks=[{"type": "actions", "elements": [button]}]
    )
    command = await sandbox.control.slack.command("/oblivion", "help")
    pressed = await sandbox.control.slack.press("launch", posted["ts"], "go", value="7")
    assert (command["status"], pressed["status"]) == (200, 200)
    forms = [request for request in receiver.requests if request.json is None]
    assert b"command=%2Foblivion" in forms[0].body
    assert forms[1].body.startswith(b"payload=")
    assert all("X-Slack-Signature" in request.headers for request in forms)
