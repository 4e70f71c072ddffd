"""What models are told of the tools."""

import re
from typing import Any

import pytest

from oblivion_mcp_hub.providers import PROVIDERS, ProviderTool
from oblivion_platform.connections import default_name
from oblivion_platform.routing import default_squad

WRITERS = {"postMessage", "createPage", "createTask", "createIssue", "createEvent", "comment", "addComment"}
CHANGERS = {"updateTask", "updateIssue", "updateEvent"}
TOOLS = [
    pytest.param(tool, id=f"{provider.name}__{tool.name}")
    for provider in PROVIDERS.values()
    for tool in provider.tools
]
WANTED = {
    "notion": {"getTasks", "createTask", "updateTask", "deleteTask", "search", "getPage", "createPage"},
    "slack": {"postMessage", "getChannels", "getUsers", "history", "search"},
    "linear": {"createIssue", "updateIssue", "getIssues", "comment", "search"},
    "jira": {"createIssue", "updateIssue", "getIssues", "comment", "search"},
    "clickup": {"getTasks", "createTask", "updateTask", "getComments", "addComment", "getLists"},
    "google_calendar": {"listEvents", "createEvent", "updateEvent", "freeBusy", "listCalendars"},
}


def test_every_provider_has_its_tools():
    assert {name: {tool.name for tool in provider.tools} for name, provider in PROVIDERS.items()} == WANTED


def test_the_squad_is_given_no_tool_that_there_is_not():
    offered = {f"{default_name(name)}__{tool}" for name, tools in WANTED.items() for tool in tools}
    given = {tool for profile in default_squad() for tool in profile.tools}
    assert given
    assert given <= offered


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_is_described_in_sentences(tool: ProviderTool):
    assert re.fullmatch(r"[A-Z].{20,}\.", tool.description)


@pytest.mark.parametrize("tool", TOOLS)
def test_arguments_are_closed_and_bounded(tool: ProviderTool):
    schema = tool.input_model.model_json_schema()
    assert schema["additionalProperties"] is False
    for name, about in schema.get("properties", {}).items():
        for kind in about.get("anyOf", [about]):
            assert bounded(kind), f"{name} may be of any length"


def bounded(kind: dict[str, Any]) -> bool:
    limits = {"string": ("maxLength", "pattern", "enum"), "integer": ("maximum",), "array": ("maxItems",)}
    return any(limit in kind for limit in limits.get(kind["type"], ("type",)))


@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_tool_does_is_told_by_its_annotations(tool: ProviderTool):
    assert tool.annotations.read_only is (tool.name not in WRITERS | CHANGERS | {"deleteTask"})
    assert tool.annotations.destructive is (tool.name == "deleteTask")
    assert tool.annotations.idempotent is (tool.name not in WRITERS)


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_settings_are_a_closed_form_without_secrets(provider: Any):
    schema = provider.settings_schema
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert all({"title", "description", "type"} <= set(about) for about in schema["properties"].values())
    assert not [name for name in schema["properties"] if "token" in name or "secret" in name]
