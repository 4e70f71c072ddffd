"""With a GITHUB_TOKEN the agent reads a repository: its MCP server as a real child, the sandbox as GitHub."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from oblivion_agent.bootstrap import serve_tools
from oblivion_agent.mcp_servers import McpServer
from oblivion_agent.model import Models
from oblivion_agent.settings import Settings
from oblivion_agent.squad import Squad
from oblivion_agent.tools import ToolUnavailable
from oblivion_client.testing import agent_under_test
from oblivion_sandbox.testing import RunningSandbox, running_sandbox


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@contextlib.asynccontextmanager
async def github(sandbox: RunningSandbox, token: str) -> AsyncGenerator[dict[str, Any]]:
    settings = Settings.model_validate(
        {"GITHUB_TOKEN": token, "github_api_url": f"{sandbox.base_url}/github"}
    )
    async with serve_tools(settings) as servers:
        async with asyncio.timeout(30):
            tools = await only(servers).tools()
        yield {tool.name: tool for tool in tools}


def only(servers: list[McpServer]) -> McpServer:
    assert len(servers) == 1
    return servers[0]


async def test_a_repository_is_read_through_the_agents_own_server(sandbox: RunningSandbox) -> None:
    account = await sandbox.control.github.account()
    async with github(sandbox, account["token"]) as tools:
        readme = await tools["github__get_file"].call({"repository": "acme/rocket", "path": "README.md"})
        folder = await tools["github__list_files"].call({"repository": "acme/rocket", "path": "src/rocket"})
        issue = await tools["github__get_issue"].call({"repository": "acme/rocket", "number": 1})
        issues = await tools["github__list_issues"].call({"repository": "acme/rocket"})
        pulls = await tools["github__list_pulls"].call({"repository": "acme/rocket"})
        diff = await tools["github__get_pull_diff"].call({"repository": "acme/rocket", "number": 3})
        found = await tools["github__search_code"].call({"repository": "acme/rocket", "query": "liftoff"})
    assert readme.startswith("# rocket")
    assert "src/rocket/countdown.py" in folder
    assert "Seen on 1.4.0 as well." in issue
    assert "Negative numbers" in issues
    assert "Refuse negative numbers" in pulls
    assert "+    if start < 0:" in diff
    assert "countdown.py" in found
    assert not any(tool.is_destructive for tool in tools.values())


async def test_a_run_reads_a_repository_by_its_models_wish(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sandbox")
    account = await sandbox.control.github.account()
    settings = Settings.model_validate(
        {
            "GITHUB_TOKEN": account["token"],
            "github_api_url": sandbox.github_api_url,
            "llm_model": "openai:sandbox",
            "llm_base_url": sandbox.llm_base_url,
        }
    )
    wanted = {"repository": "acme/rocket", "path": "README.md"}
    await sandbox.control.llm.call_tool("github__get_file", wanted)
    async with serve_tools(settings) as servers:
        agent = Squad(settings, Models(settings), servers).agent("github", "1.0")
        async with agent_under_test(agent) as squad:
            outcome = await squad.give(prompt="what is acme/rocket about?")
    assert outcome.failure is None
    assert "using github__get_file" in [report.text for report in outcome.progress]
    told = (await sandbox.control.llm.requests())[-1]["turns"]
    assert "# rocket" in next(turn["text"] for turn in told if turn["role"] == "tool")
    assert account["token"] not in str(told) + str(outcome)


async def test_what_github_refuses_is_told_in_words(sandbox: RunningSandbox) -> None:
    async with github(sandbox, "ghp_wrong") as tools:
        with pytest.raises(ToolUnavailable, match="renew GITHUB_TOKEN"):
            await tools["github__list_issues"].call({"repository": "acme/rocket"})
        with pytest.raises(ToolUnavailable, match="write owner/name"):
            await tools["github__get_file"].call({"repository": "rocket", "path": "README.md"})
        with pytest.raises(ToolUnavailable, match=r"no '\.\.'"):
            await tools["github__get_file"].call({"repository": "acme/rocket", "path": "../../user"})
