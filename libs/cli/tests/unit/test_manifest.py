"""The manifest asks for what the code uses: its methods' scopes, its events, command and shortcuts."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import oblivion_router_worker
from oblivion_cli.commands.slack import _show_manifest
from oblivion_cli.usecases.manifest import BOT_EVENTS, app_manifest
from oblivion_router_worker.domain import actions, slack_events

# https://docs.slack.dev/reference/methods
SCOPE_OF = {
    "chat.appendStream": "chat:write",
    "chat.startStream": "chat:write",
    "chat.stopStream": "chat:write",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
    "users.conversations": "channels:read",
    "agents.sessions.setStatus": "chat:write",
    "assistant.threads.setStatus": "assistant:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "auth.test": None,
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "reactions.add": "reactions:write",
    "reactions.remove": "reactions:write",
    "users.info": "users:read",
    "views.open": None,
    "views.publish": None,
}
METHOD = re.compile(
    r'"((?:agents|assistant|auth|chat|conversations|reactions|users|views|files|bots)\.[a-zA-Z.]+)"'
)
NOT_SUBSCRIBED = {"message", "channel_deleted", "group_deleted", "channel_left", "group_left"}


def methods_in_use():
    sources = Path(oblivion_router_worker.__file__).parent.rglob("*.py")
    return {method for source in sources for method in METHOD.findall(source.read_text("utf-8"))}


def test_every_method_that_is_called_has_its_scope():
    scopes = set(app_manifest(None)["oauth_config"]["scopes"]["bot"])
    called = methods_in_use()
    assert called >= {"chat.postMessage", "reactions.add", "views.open"}
    assert called <= SCOPE_OF.keys()
    assert {SCOPE_OF[method] for method in called} - {None} <= scopes


def test_the_description_is_as_long_as_slack_wants_it():
    manifest = app_manifest(None)
    assert 174 <= len(manifest["display_information"]["long_description"]) <= 4_000
    assert len(manifest["display_information"]["description"]) <= 140
    assert manifest["_metadata"]["major_version"] == 2


def test_every_event_that_is_parsed_is_subscribed():
    parsed = set(slack_events._PARSERS) - NOT_SUBSCRIBED
    assert parsed <= set(BOT_EVENTS)
    assert {"message.channels", "message.groups", "message.im"} <= set(BOT_EVENTS)
    assert {"app_mention", "agent_session_stopped", "app_home_opened"} <= parsed, "Stop would spin for ever"


def test_the_manifest_in_the_documents_is_the_one_that_is_printed():
    written = Path(__file__).parents[4] / "docs/operate/slack-manifest.json"
    assert json.loads(written.read_text("utf-8")) == app_manifest(None), (
        "write it again: oblivion slack manifest > docs/operate/slack-manifest.json"
    )


def test_the_address_that_makes_an_app_holds_the_whole_manifest(capsys: pytest.CaptureFixture[str]):
    _show_manifest(app_manifest(None), by_http=False)
    said = capsys.readouterr().err
    (address,) = [word for word in said.split() if word.startswith("https://api.slack.com/")]
    query = parse_qs(urlsplit(address).query)
    assert json.loads(query["manifest_json"][0]) == app_manifest(None)


def test_command_and_shortcuts_are_those_that_the_worker_knows():
    features = app_manifest("https://example.com/webhooks/slack")["features"]
    assert [command["command"] for command in features["slash_commands"]] == [actions.COMMAND]
    assert features["slash_commands"][0]["url"] == "https://example.com/webhooks/slack"
    assert features["slash_commands"][0]["should_escape"] is True
    known = {actions.ASK_SHORTCUT, actions.TASK_SHORTCUT}
    assert {shortcut["callback_id"] for shortcut in features["shortcuts"]} == known
    assert "agent_view" in features
