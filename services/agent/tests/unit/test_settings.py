"""Settings of the reference agent: the usual `mcpServers` form, and faults named without their values."""

import json
from pathlib import Path

import pytest

from oblivion_agent.model import failure_of
from oblivion_agent.settings import Settings, load
from oblivion_agent.squad import read_members
from oblivion_agent.tools import is_allowed
from oblivion_client import AgentMisconfigured

SERVERS = {
    "wiki": {"url": "https://wiki.example.com/mcp", "headers": {"X-Key": "hunter2"}},
    "local": {"command": "npx"},
}


@pytest.mark.parametrize("text", [{"mcpServers": SERVERS}, SERVERS])
def test_mcp_servers_are_read_in_the_form_that_clients_share(
    text: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBLIVION_MCP_SERVERS", json.dumps(text))
    servers = Settings().mcp_servers
    assert sorted(servers) == ["local", "wiki"]
    assert servers["wiki"].headers["X-Key"].get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"mcpServers": {"x": {"args": ["hunter2"]}}}', '{"x": {"command": "a", "url": "hunter2"}}'],
)
def test_a_fault_names_the_variable_and_shows_no_value(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OBLIVION_MCP_SERVERS", text)
    with pytest.raises(SystemExit) as ended:
        load()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "OBLIVION_MCP_SERVERS" in said
    assert "hunter2" not in said


def test_prices_are_read_by_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBLIVION_LLM_PRICES", '{"openai:gpt-x": {"input": 2.5, "output": 10}}')
    assert Settings().llm_prices["openai:gpt-x"].output == 10


def test_the_squad_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "squad.json"
    file.write_text(json.dumps([{"name": "general", "client_id": "id", "client_secret": "hunter2"}]))
    (member,) = read_members(file)
    assert member.configuration("http://localhost:1").agent_id == "id"
    assert "hunter2" not in repr(member)


@pytest.mark.parametrize("content", ["", "{}", "[]", '[{"name": "x"}]', '["x"]'])
def test_a_squad_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "squad.json"
    file.write_text(content)
    with pytest.raises(AgentMisconfigured, match="OBLIVION_AGENTS names"):
        read_members(file)


def test_a_pattern_allows_all_of_a_provider_and_nothing_else() -> None:
    assert is_allowed("notion__search", ["notion__*"])
    assert is_allowed("notion__search", ["notion__search"])
    assert not is_allowed("notional__search", ["notion__*"])
    assert not is_allowed("notion__search", [])


class Refused(Exception):
    def __init__(self, status_code: int) -> None:
        super().__init__("body with hunter2")
        self.status_code = status_code


class ReadTimeout(Exception):
    """As several libraries call it."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused(401), "model_key_refused"),
        (Refused(429), "model_busy"),
        (Refused(400), "model_rejected"),
        (Refused(503), "model_unavailable"),
        (ReadTimeout(), "model_slow"),
        (TimeoutError(), "model_slow"),
        (ConnectionError("hunter2"), "model_unavailable"),
        (IndexError("hunter2"), "model_nonsense"),
        (ValueError("hunter2"), "model_nonsense"),
    ],
)
def test_a_models_failure_is_told_in_words_without_its_text(error: Exception, code: str) -> None:
    failure = failure_of(error, "openai:gpt-x")
    assert failure.code == code
    assert "openai:gpt-x" in failure.message
    assert "hunter2" not in failure.message
