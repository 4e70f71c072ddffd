"""`stdio-servers.json`: what is started beside the system, and what the hub hears of it."""

import json

import pytest

from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_cli.up.stdio_servers import hub_settings, stdio_servers


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def write(home, content):
    home.folder("stdio-servers.json").write_text(content if isinstance(content, str) else json.dumps(content))


def test_without_a_file_nothing_is_started(home):
    assert (stdio_servers(home), hub_settings([])) == ([], {})


def test_each_server_has_a_bridge_that_the_hub_knows(home):
    known = {"files": {"command": "files", "args": ["/data"], "env": {"FILES_KEY": "canary"}}}
    write(home, {"mcpServers": known})
    (server,) = stdio_servers(home)
    process = server.process()
    assert process.command[-3:] == ["--", "files", "/data"]
    assert hub_settings([server]) == {
        "OBLIVION_MCP_STDIO_SERVERS": f"files=http://127.0.0.1:{server.port}/mcp"
    }


def test_a_server_is_given_its_own_variables_and_the_bridge_shows_none(home, monkeypatch):
    monkeypatch.setenv("OBLIVION_MASTER_KEY", "secret")
    write(home, {"mcpServers": {"files": {"command": "files", "env": {"FILES_KEY": "canary"}}}})
    (server,) = stdio_servers(home)
    environment = server.process().environment
    assert (environment["FILES_KEY"], environment["OBLIVION_STDIO_ENVIRONMENT"]) == ("canary", "FILES_KEY")
    assert "OBLIVION_MASTER_KEY" not in environment
    assert "canary" not in repr(server) + repr(server.process())


@pytest.mark.parametrize(
    "content",
    ["{", "[]", {"mcpServers": {"Bad Name": {"command": "x"}}}, {"mcpServers": {"files": {"command": ""}}}],
)
def test_a_file_that_is_no_such_list_is_said_so_without_its_content(home, content):
    write(home, content)
    with pytest.raises(CommandFailed, match="no list of stdio servers"):
        stdio_servers(home)
