"""Buttons, menus, thumbs, shortcuts, modals, App Home and slash commands, as an app's server sees them."""

import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import (
    ButtonElement,
    ConfirmObject,
    ContextActionsBlock,
    FeedbackButtonObject,
    FeedbackButtonsElement,
)
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.control import ControlRefused
from oblivion_sandbox.testing import RunningSandbox, running_sandbox


@dataclass
class AppServer:
    """An app's interactivity endpoint: keeps the forms, answers as told."""

    url: str = ""
    forms: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    requests: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((body, dict(request.headers)))
        if request.content_type == "application/json":
            self.forms.append(json.loads(body))
            return web.Response()
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        self.forms.append(json.loads(form["payload"]) if "payload" in form else form)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(text=answer) if isinstance(answer, str) else web.json_response(answer or {})


@contextlib.asynccontextmanager
async def serving(app_server: AppServer) -> AsyncGenerator[AppServer]:
    app = web.Application()
    app.router.add_post("/{path:.*}", app_server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    app_server.url = f"http://{host}:{port}/webhooks/slack"
    try:
        yield app_server
    finally:
        await runner.cleanup()


@pytest.fixture
async def app_server(sandbox: RunningSandbox) -> AsyncGenerator[AppServer]:
    async with serving(AppServer()) as server:
        await sandbox.control.slack.change_app(interactivity_url=server.url, request_url=server.url)
        # Only what people do by hand counts here.
        await sandbox.control.slack.change_app(subscriptions=[])
        yield server


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


BUTTONS = {
    "type": "actions",
    "block_id": "ask",
    "elements": [
        {
            "type": "button",
            "action_id": "approve",
            "text": plain("Approve"),
            "value": "yes",
            "style": "primary",
        },
        {"type": "static_select", "action_id": "pick", "options": [{"text": plain("One"), "value": "1"}]},
    ],
}
MODAL = {
    "type": "modal",
    "callback_id": "new_task",
    "private_metadata": "kept",
    "title": plain("New task"),
    "submit": plain("Create"),
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": plain("Title"),
            "element": {"type": "plain_text_input", "action_id": "title"},
        },
        {
            "type": "input",
            "block_id": "list",
            "optional": True,
            "label": plain("List"),
            "element": {
                "type": "static_select",
                "action_id": "list",
                "options": [{"text": plain("Launch"), "value": "l1"}],
            },
        },
    ],
}


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response.data["error"]


async def respond(url: str, **said: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(url, json=said)


async def test_a_click_is_a_signed_form_with_its_message(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    posted = await slack.chat_postMessage(channel="launch", text="May I?", blocks=[BUTTONS])
    pressed = await sandbox.control.slack.press("launch", posted["ts"], "approve", user="ana")
    payload = app_server.forms[0]
    body, headers = app_server.requests[0]
    app = await sandbox.control.slack.app()
    users = await sandbox.control.slack.users()
    assert pressed["status"] == 200
    assert SignatureVerifier(app["signing_secret"]).is_valid_request(body, headers)
    assert (payload["type"], payload["user"]["id"]) == ("block_actions", users["ana"])
    assert payload["message"]["ts"] == posted["ts"]
    assert payload["channel"]["name"] == "launch"
    action = payload["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"], action["type"]) == (
        "approve",
        "ask",
        "yes",
        "button",
    )
    assert payload["response_url"].startswith(sandbox.base_url)


async def test_a_menu_tells_the_option_that_was_chosen(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    posted = await slack.chat_postMessage(channel="launch", text="x", blocks=[BUTTONS])
    await sandbox.control.slack.press("launch", posted["ts"], "pick", value="1")
    assert app_server.forms[0]["actions"][0]["selected_option"]["value"] == "1"
    with pytest.raises(ControlRefused, match="action_not_found"):
        await sandbox.control.slack.press("launch", posted["ts"], "nothing")


async def test_a_thumb_is_a_feedback_action(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    thumbs = FeedbackButtonsElement(
        action_id="rate",
        positive_button=FeedbackButtonObject(text="Good", value="up"),
        negative_button=FeedbackButtonObject(text="Bad", value="down"),
    )
    posted = await slack.chat_postMessage(
        channel="launch", text="x", blocks=[ContextActionsBlock(elements=[thumbs])]
    )
    for value in ("up", "down"):
        await sandbox.control.slack.press("launch", posted["ts"], "rate", value=value)
    assert [form["actions"][0]["value"] for form in app_server.forms] == ["up", "down"]
    assert app_server.forms[0]["actions"][0]["type"] == "feedback_buttons"


async def test_an_answer_to_a_click_replaces_or_deletes_the_message(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    posted = await slack.chat_postMessage(channel="launch", text="May I?", blocks=[BUTTONS])
    await sandbox.control.slack.press("launch", posted["ts"], "approve")
    url = app_server.forms[0]["response_url"]
    await respond(url, text="for you alone")
    await respond(url, text="Approved by ana", replace_original=True)
    replaced = (await sandbox.control.slack.messages("launch"))[0]["message"]
    await respond(url, delete_original=True)
    assert (replaced["text"], replaced.get("blocks")) == ("Approved by ana", None)
    assert (await sandbox.control.slack.messages("launch"))[0]["deleted"] is True
    assert len(await sandbox.control.slack.ephemerals("launch")) == 1


async def test_a_response_url_is_good_five_times_and_not_for_ever(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    posted = await slack.chat_postMessage(channel="launch", text="x", blocks=[BUTTONS])
    await sandbox.control.slack.press("launch", posted["ts"], "approve")
    url = app_server.forms[0]["response_url"]
    answers = [await respond(url, text="x") for _ in range(6)]
    await sandbox.control.slack.change_app(response_url_life_s=0.0)
    await sandbox.control.slack.press("launch", posted["ts"], "approve")
    late = await respond(app_server.forms[1]["response_url"], text="x")
    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert answers[5].json()["error"] == "used_url"
    assert late.json()["error"] == "expired_url"


async def test_only_its_reader_can_click_an_ephemeral_message(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    users = await sandbox.control.slack.users()
    shown = await slack.chat_postEphemeral(channel="launch", user=users["ana"], text="x", blocks=[BUTTONS])
    with pytest.raises(ControlRefused, match="message_not_found"):
        await sandbox.control.slack.press("launch", shown["message_ts"], "approve", user="ben")
    await sandbox.control.slack.press("launch", shown["message_ts"], "approve", user="ana")
    payload = app_server.forms[0]
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload
    await respond(payload["response_url"], delete_original=True)
    assert await sandbox.control.slack.ephemerals("launch") == []


async def test_a_message_shortcut_carries_its_message(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    message = await sandbox.control.slack.post("launch", "turn me")
    await sandbox.control.slack.shortcut("oblivion_ask_agent", "launch", message["ts"], user="ben")
    payload = app_server.forms[0]
    assert (payload["type"], payload["callback_id"]) == ("message_action", "oblivion_ask_agent")
    assert payload["message"]["text"] == "turn me"


async def test_a_modal_opens_by_a_fresh_trigger_and_only_once(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    await sandbox.control.slack.shortcut("new_task")
    trigger_id = app_server.forms[0]["trigger_id"]
    opened = await slack.views_open(trigger_id=trigger_id, view=MODAL)
    assert opened["view"]["private_metadata"] == "kept"
    assert [view["id"] for view in (await sandbox.control.slack.views())["modals"]] == [opened["view"]["id"]]
    assert await refusal(slack.views_open(trigger_id=trigger_id, view=MODAL)) == "exchanged_trigger_id"
    assert await refusal(slack.views_open(trigger_id="1.2.x", view=MODAL)) == "invalid_trigger_id"
    await sandbox.control.slack.change_app(trigger_life_s=0.0)
    await sandbox.control.slack.shortcut("new_task")
    late = slack.views_open(trigger_id=app_server.forms[1]["trigger_id"], view=MODAL)
    assert await refusal(late) == "expired_trigger_id"


@pytest.mark.parametrize(
    "change",
    [
        {"title": plain("x" * 25)},
        {"submit": None},
        {"type": "home"},
        {"private_metadata": "x" * 3001},
        {"title": None},
    ],
)
async def test_a_faulty_modal_is_refused(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer, change: dict[str, Any]
):
    await sandbox.control.slack.shortcut("new_task")
    opening = slack.views_open(trigger_id=app_server.forms[0]["trigger_id"], view=MODAL | change)
    assert await refusal(opening) == "invalid_arguments"


async def open_modal(sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer) -> dict[str, Any]:
    await sandbox.control.slack.shortcut("new_task")
    opened = await slack.views_open(trigger_id=app_server.forms[-1]["trigger_id"], view=MODAL)
    return opened["view"]


async def test_a_submitted_form_tells_its_values_and_closes(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    view = await open_modal(sandbox, slack, app_server)
    with pytest.raises(ControlRefused, match="required_input_missing"):
        await sandbox.control.slack.submit(view["id"], {})
    await sandbox.control.slack.submit(view["id"], {"title": "Fix it", "list": "l1"})
    payload = app_server.forms[-1]
    values = payload["view"]["state"]["values"]
    assert payload["type"] == "view_submission"
    assert values["title"]["title"] == {"type": "plain_text_input", "value": "Fix it"}
    assert values["list"]["list"]["selected_option"]["value"] == "l1"
    assert (await sandbox.control.slack.views())["modals"] == []


async def test_an_apps_errors_keep_the_form_open(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    view = await open_modal(sandbox, slack, app_server)
    app_server.answers = [{"response_action": "errors", "errors": {"title": "Too short"}}]
    refused = await sandbox.control.slack.submit(view["id"], {"title": "x"})
    assert refused["errors"] == {"title": "Too short"}
    assert len((await sandbox.control.slack.views())["modals"]) == 1
    app_server.answers = [{"response_action": "update", "view": MODAL | {"title": plain("Again")}}]
    await sandbox.control.slack.submit(view["id"], {"title": "x"})
    assert (await sandbox.control.slack.views())["modals"][0]["title"]["text"] == "Again"


async def test_a_view_changes_only_under_its_last_hash(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    view = await open_modal(sandbox, slack, app_server)
    await slack.views_update(view_id=view["id"], hash=view["hash"], view=MODAL | {"title": plain("Second")})
    stale = slack.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    assert await refusal(stale) == "hash_conflict"
    assert await refusal(slack.views_update(view_id="V0", view=MODAL)) == "not_found"


async def test_the_app_home_is_published_opened_and_used(
    sandbox: RunningSandbox, slack: AsyncWebClient, app_server: AppServer
):
    users = await sandbox.control.slack.users()
    await sandbox.control.slack.change_app(subscriptions=["app_home_opened"])
    channel = await sandbox.control.slack.open_home("ana")
    await sandbox.control.slack.delivered()
    event = app_server.forms[0]["event"]
    assert (event["type"], event["tab"], event["channel"], event["user"]) == (
        "app_home_opened",
        "home",
        channel,
        users["ana"],
    )
    home = {"type": "home", "blocks": [BUTTONS]}
    published = await slack.views_publish(user_id=users["ana"], view=home)
    stale = slack.views_publish(user_id=users["ana"], view=home, hash="1.x")
    assert await refusal(stale) == "hash_conflict"
    await sandbox.control.slack.press_in_view(published["view"]["id"], "approve", user="ana")
    assert app_server.forms[-1]["view"]["id"] == published["view"]["id"]
    assert app_server.forms[-1]["container"]["type"] == "view"


async def test_a_slash_command_has_names_escaped_and_its_answer_is_for_one(
    sandbox: RunningSandbox, app_server: AppServer
):
    app_server.answers = [
        {"text": "Linked."},
        "plain words",
        {"response_type": "in_channel", "text": "all"},
        500,
    ]
    users, channels = await sandbox.control.slack.users(), await sandbox.control.slack.channels()
    for _ in range(4):
        await sandbox.control.slack.command("/oblivion", "link @ana #launch", channel="launch", user="ben")
    form = app_server.forms[0]
    shown = await sandbox.control.slack.ephemerals("launch")
    assert (form["command"], form["user_id"]) == ("/oblivion", users["ben"])
    assert form["text"] == f"link <@{users['ana']}|ana> <#{channels['launch']}|launch>"
    assert [json.loads(row["body"])["text"] for row in shown] == [
        "Linked.",
        "plain words",
        '/oblivion failed with the error "dispatch_failed"',
    ]
    assert {row["user"] for row in shown} == {users["ben"]}
    assert [entry["message"]["text"] for entry in await sandbox.control.slack.messages("launch")] == ["all"]


async def test_an_unknown_slash_command_never_reaches_the_app(sandbox: RunningSandbox, app_server: AppServer):
    answer = await sandbox.control.slack.command("/nothing")
    assert answer["error"] == "unknown_command"
    assert app_server.forms == []


async def test_confirm_dialogs_need_their_words(sandbox: RunningSandbox, slack: AsyncWebClient):
    confirm = ConfirmObject(title="Sure?", text="It cannot be undone.", confirm="Do it", deny="No")
    good = ButtonElement(text="Go", action_id="go", confirm=confirm).to_dict()
    posted = await slack.chat_postMessage(
        channel="launch", text="x", blocks=[{"type": "actions", "elements": [good]}]
    )
    assert posted["message"]["blocks"][0]["elements"][0]["confirm"]["title"]["text"] == "Sure?"
    bad = good | {"confirm": {"text": plain("x")}}
    refused = slack.chat_postMessage(
        channel="launch", text="x", blocks=[{"type": "actions", "elements": [bad]}]
    )
    assert await refusal(refused) == "invalid_blocks"


async def test_a_response_url_leads_back_the_way_the_app_came(tmp_path: Path):
    async with (
        running_sandbox(tmp_path, base_url="http://front.example") as sandbox,
        serving(AppServer()) as server,
    ):
        app = await sandbox.control.slack.change_app(request_url=server.url)
        await sandbox.control.slack.command("/oblivion")
        slack = AsyncWebClient(token=app["bot_token"], base_url=sandbox.slack_api_url)
        await slack.auth_test()
        await sandbox.control.slack.command("/oblivion")
    urls = [form["response_url"].partition("/slack/")[0] for form in server.forms]
    assert urls == ["http://front.example", sandbox.base_url]
