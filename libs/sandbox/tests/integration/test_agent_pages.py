"""The parts of the Slack page that agents need, in a real browser."""

import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_sandbox.testing import RunningSandbox

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


MODAL = {
    "type": "modal",
    "title": plain("New task"),
    "submit": plain("Create"),
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": plain("Title"),
            "element": {"type": "plain_text_input", "action_id": "title"},
        }
    ],
}


@pytest.fixture
async def forms(sandbox: RunningSandbox) -> AsyncGenerator[list[dict[str, Any]]]:
    """What an app's server is told, parsed; slash commands are answered with a text."""
    told: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        if request.content_type == "application/json":
            return web.Response()
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        told.append(json.loads(form["payload"]) if "payload" in form else form)
        return web.Response(text="*general* is online" if "command" in form else "")

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    await sandbox.control.slack.change_app(request_url=f"http://{host}:{port}/")
    yield told
    await runner.cleanup()


@pytest.mark.browser
async def test_a_button_asks_before_it_acts(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, forms: list[Any]
):
    confirm = {
        "title": plain("Deploy?"),
        "text": plain("At once."),
        "confirm": plain("Deploy"),
        "deny": plain("No"),
    }
    button = {"type": "button", "action_id": "go", "text": plain("Approve"), "value": "1", "confirm": confirm}
    await slack.chat_postMessage(
        channel="general", text="x", blocks=[{"type": "actions", "elements": [button]}]
    )
    await page.goto(f"{sandbox.base_url}/slack")
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="No", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert forms == []
    await page.get_by_role("button", name="Approve").click()
    async with page.expect_response("**/slack/control/interactions"):
        await page.get_by_role("button", name="Deploy").click()
    assert [form["actions"][0]["action_id"] for form in forms] == ["go"]


@pytest.mark.browser
async def test_a_thumb_stays_marked_for_its_person_alone(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, forms: list[Any]
):
    thumbs = {
        "type": "feedback_buttons",
        "action_id": "rate",
        "positive_button": {"text": plain("Good"), "value": "up"},
        "negative_button": {"text": plain("Bad"), "value": "down"},
    }
    blocks = [{"type": "context_actions", "elements": [thumbs]}]
    await slack.chat_postMessage(channel="general", text="x", blocks=blocks)
    await page.goto(f"{sandbox.base_url}/slack")
    bad = page.get_by_role("button", name="Bad")
    await bad.click()
    await expect(bad).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "false")
    await page.get_by_label("You are").select_option("ana")
    await expect(bad).to_have_attribute("aria-pressed", "false")
    assert forms[0]["actions"][0]["value"] == "down"


@pytest.mark.browser
async def test_an_answer_streams_live_until_someone_stops_it(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page
):
    root = await sandbox.control.slack.post("general", "question")
    app, users = await sandbox.control.slack.app(), await sandbox.control.slack.users()
    channel = (await sandbox.control.slack.channels())["general"]
    await slack.agents_sessions_setStatus(channel_id=channel, thread_ts=root["ts"], status="processing")
    await page.goto(f"{sandbox.base_url}/slack?channel={channel}&thread={root['ts']}")
    begun = await slack.chat_startStream(
        channel=channel,
        thread_ts=root["ts"],
        recipient_team_id=app["team_id"],
        recipient_user_id=users["you"],
        markdown_text="It is",
    )
    answer = page.locator("#thread .message").last
    await expect(answer).to_contain_text("It is")
    await slack.chat_appendStream(channel=channel, ts=begun["ts"], markdown_text=" **done**")
    await expect(answer.locator("strong")).to_have_text("done")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator(".toast")).to_be_visible()
    await expect(answer.locator(".streaming")).to_have_count(0)
    await slack.agents_sessions_setStatus(channel_id=channel, thread_ts=root["ts"], status="active")
    await expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert await sandbox.control.slack.session_status("general", root["ts"]) == "active"


@pytest.mark.browser
async def test_a_slash_command_is_answered_to_who_typed_it(
    sandbox: RunningSandbox, page: Page, forms: list[Any]
):
    await page.goto(f"{sandbox.base_url}/slack")
    await page.get_by_label("Message #general").fill("/oblivion agents")
    await page.keyboard.press("Enter")
    mine = page.locator(".only-you")
    await expect(mine).to_contain_text("general is online")
    await page.get_by_label("You are").select_option("ana")
    await expect(mine).to_have_count(0)
    assert (forms[0]["command"], forms[0]["text"]) == ("/oblivion", "agents")
    assert await sandbox.control.slack.messages("general") == []


@pytest.mark.browser
async def test_a_shortcut_opens_a_form_and_the_form_is_sent(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, forms: list[Any]
):
    await sandbox.control.slack.post("general", "turn me into a task")
    await page.goto(f"{sandbox.base_url}/slack")
    message = page.locator("#messages .message").last
    await message.hover()
    await message.get_by_label("More actions").click()
    async with page.expect_response("**/slack/control/shortcuts"):
        await message.get_by_role("button", name="Turn into a ClickUp task").click()
    await slack.views_open(trigger_id=forms[0]["trigger_id"], view=MODAL)
    form = page.get_by_role("dialog", name="New task")
    await form.get_by_role("button", name="Create").click()
    await expect(form.get_by_role("alert")).to_have_text("Please complete this field.")
    await form.get_by_label("Title").fill("Fix it")
    await form.get_by_role("button", name="Create").click()
    await expect(form).to_have_count(0)
    assert forms[1]["view"]["state"]["values"]["title"]["title"]["value"] == "Fix it"


@pytest.mark.browser
async def test_escape_leaves_a_form(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, forms: list[Any]
):
    await page.goto(f"{sandbox.base_url}/slack")
    await sandbox.control.slack.shortcut("any")
    await slack.views_open(trigger_id=forms[0]["trigger_id"], view=MODAL)
    await expect(page.get_by_label("Title")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await sandbox.control.slack.views())["modals"] == []


@pytest.mark.browser
async def test_the_apps_own_conversation_has_messages_prompts_and_a_home(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, forms: list[Any]
):
    users = await sandbox.control.slack.users()
    await page.goto(f"{sandbox.base_url}/slack")
    await page.get_by_role("link", name="Oblivion").click()
    channel = await sandbox.control.slack.dm()
    await slack.assistant_threads_setSuggestedPrompts(
        channel_id=channel, prompts=[{"title": "Help", "message": "What can you do?"}]
    )
    await page.get_by_role("button", name="Help").click()
    await expect(page.locator("#messages .message").last).to_contain_text("What can you do?")
    await page.get_by_role("link", name="Home").click()
    await expect(page.locator("#home")).to_contain_text("not published a Home")
    button = {"type": "button", "action_id": "new", "text": plain("New task")}
    view = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
    await slack.views_publish(user_id=users["you"], view=view)
    async with page.expect_response("**/slack/control/interactions"):
        await page.get_by_role("button", name="New task").click()
    deliveries = await sandbox.control.slack.deliveries()
    assert forms[0]["view"]["type"] == "home"
    assert {"app_home_opened", "message"} <= {delivery["event_type"] for delivery in deliveries}


@pytest.mark.browser
async def test_a_passing_status_goes_by_itself(sandbox: RunningSandbox, slack: AsyncWebClient, page: Page):
    root = await sandbox.control.slack.post("general", "question")
    channel = (await sandbox.control.slack.channels())["general"]
    await page.goto(f"{sandbox.base_url}/slack?channel={channel}&thread={root['ts']}")
    await sandbox.control.slack.change_app(status_life_s=1.0)
    await slack.assistant_threads_setStatus(
        channel_id=channel, thread_ts=root["ts"], status="thinks", loading_messages=["Counting sheep"]
    )
    await expect(page.locator("#activity")).to_contain_text("Counting sheep")
    await expect(page.locator("#activity .activity")).to_have_count(0)
    assert (await sandbox.control.slack.threads("general"))["statuses"] == {}


@pytest.mark.browser
async def test_comments_are_answered_and_the_link_command_copied(sandbox: RunningSandbox, page: Page):
    task = (await sandbox.control.clickup.tasks())[0]
    await sandbox.control.clickup.comment(task["id"], "question", user="ana")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{sandbox.base_url}/clickup/t/{task['id']}")
    await page.get_by_role("button", name="Reply to comment").click()
    await page.get_by_label("Reply", exact=True).fill("answer")
    await page.keyboard.press("Enter")
    await expect(page.locator(".replies .comment-text")).to_have_text("answer")
    await page.get_by_role("button", name="Copy the command").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == f"/oblivion link {task['list']['id']}"


@pytest.mark.browser
async def test_a_task_is_tagged_and_moved(sandbox: RunningSandbox, page: Page):
    task = (await sandbox.control.clickup.tasks())[0]
    await page.goto(f"{sandbox.base_url}/clickup/t/{task['id']}")
    await page.get_by_label("Tags").last.fill("AI_Squad")
    await page.get_by_label("List", exact=True).select_option("Ideas")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Save").click()
    saved = (await sandbox.control.clickup.tasks())[0]
    assert ([tag["name"] for tag in saved["tags"]], saved["list"]["name"]) == (["ai_squad"], "Ideas")


@pytest.mark.browser
async def test_nothing_that_an_app_writes_runs(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, forms: list[Any]
):
    dialogs: list[Any] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108  # Playwright marks it
    users = await sandbox.control.slack.users()
    root = await sandbox.control.slack.post("general", HOSTILE)
    channel = (await sandbox.control.slack.channels())["general"]
    await sandbox.control.slack.change_app(
        shortcuts=[{"type": "message", "name": HOSTILE, "callback_id": HOSTILE}], commands=[HOSTILE]
    )
    short = HOSTILE[:24]
    option = {"text": plain(HOSTILE[:75]), "value": HOSTILE}
    run = {"type": "text", "text": HOSTILE, "style": {"bold": True}}
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [run]}]}
    confirm = {name: plain(short) for name in ("title", "text", "confirm", "deny")}
    blocks = [
        {"type": "task_card", "task_id": "1", "title": HOSTILE, "status": "error", "details": rich},
        {"type": "plan", "title": HOSTILE},
        {
            "type": "actions",
            "elements": [{"type": "button", "text": plain(short), "value": HOSTILE, "confirm": confirm}],
        },
        {"type": "actions", "elements": [{"type": "static_select", "action_id": "s", "options": [option]}]},
        rich,
    ]
    await slack.chat_postMessage(channel="general", text="x", blocks=blocks)
    await slack.chat_postEphemeral(channel=channel, user=users["you"], text=HOSTILE)
    await slack.assistant_threads_setStatus(
        channel_id=channel, thread_ts=root["ts"], status=HOSTILE, loading_messages=[HOSTILE]
    )
    dm = await sandbox.control.slack.dm()
    prompts = [{"title": HOSTILE, "message": HOSTILE}]
    await slack.assistant_threads_setSuggestedPrompts(channel_id=dm, title=HOSTILE, prompts=prompts)
    field = {"type": "input", "block_id": HOSTILE, "label": plain(HOSTILE), "hint": plain(HOSTILE)}
    element = {
        "type": "plain_text_input",
        "action_id": HOSTILE,
        "initial_value": HOSTILE,
        "placeholder": plain(HOSTILE),
    }
    await sandbox.control.slack.shortcut("any")
    view = MODAL | {"title": plain(short), "blocks": [field | {"element": element}, *blocks]}
    await slack.views_open(trigger_id=forms[0]["trigger_id"], view=view)
    await slack.views_publish(user_id=users["you"], view={"type": "home", "blocks": blocks})
    for path in (f"channel={channel}&thread={root['ts']}", "channel=dm", "channel=dm&tab=home"):
        await page.goto(f"{sandbox.base_url}/slack?{path}")
        await expect(page.get_by_role("dialog")).to_contain_text("<script>")
        assert await page.evaluate("document.querySelectorAll('script:not([src]), img[src=x]').length") == 0
    assert dialogs == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [380, 1440])
async def test_the_app_fits_its_screen(
    sandbox: RunningSandbox, slack: AsyncWebClient, page: Page, width: int
):
    await page.set_viewport_size({"width": width, "height": 800})
    task = {"type": "task_card", "task_id": "1", "title": "t" * 250, "status": "complete"}
    channel = await sandbox.control.slack.dm()
    await slack.chat_postMessage(
        channel=channel, text="x", blocks=[{"type": "plan", "title": "p", "tasks": [task]}]
    )
    for path in ("channel=dm", "channel=dm&tab=home"):
        await page.goto(f"{sandbox.base_url}/slack?{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
