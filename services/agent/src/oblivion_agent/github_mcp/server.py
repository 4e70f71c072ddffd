"""The tools of the GitHub server. Each only reads, and says so to its clients."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from oblivion_agent.github_mcp.github import GitHub, GitHubRefused

_INSTRUCTIONS = "Reads repositories on GitHub. Write repositories as owner/name."
State = Literal["open", "closed", "all"]


def build_server(github: GitHub) -> MCPServer:
    """An MCP server over this client."""
    server = MCPServer("github", instructions=_INSTRUCTIONS, log_level="WARNING")
    for tool in _tools(github):
        annotations = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=True)
        server.tool(annotations=annotations, structured_output=False)(tool)
    return server


def _tools(github: GitHub) -> list[Callable[..., Awaitable[str]]]:
    async def get_file(repository: str, path: str, ref: str = "") -> str:
        """Read a text file of a repository (owner/name); ref is a branch, tag or commit."""
        return await _told(github.file(repository, path, ref))

    async def list_files(repository: str, path: str = "", ref: str = "") -> str:
        """List the files and folders in a folder of a repository."""
        return await _told(github.folder(repository, path, ref))

    async def list_issues(repository: str, state: State = "open") -> str:
        """List a repository's issues, newest first, without pull requests."""
        return await _told(github.issues(repository, state))

    async def get_issue(repository: str, number: int) -> str:
        """Read an issue or pull request with its description and comments."""
        return await _told(github.issue(repository, number))

    async def list_pulls(repository: str, state: State = "open") -> str:
        """List a repository's pull requests, newest first."""
        return await _told(github.pulls(repository, state))

    async def get_pull_diff(repository: str, number: int) -> str:
        """Read what a pull request changes, as a unified diff."""
        return await _told(github.pull_diff(repository, number))

    async def search_code(repository: str, query: str) -> str:
        """Search a repository's code for words; gives the paths of the files that match."""
        return await _told(github.search_code(repository, query))

    return [get_file, list_files, list_issues, get_issue, list_pulls, get_pull_diff, search_code]


async def _told(call: Awaitable[Any]) -> str:
    try:
        found = await call
    except GitHubRefused as refused:
        raise ToolError(str(refused)) from refused
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
