"""The repository through plain HTTP, as a GitHub MCP server reads it."""

import base64
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox


@pytest.fixture
async def github(sandbox: RunningSandbox) -> AsyncGenerator[httpx.AsyncClient]:
    account = await sandbox.control.github.account()
    headers = {"Authorization": f"Bearer {account['token']}", "Accept": "application/vnd.github+json"}
    async with httpx.AsyncClient(base_url=sandbox.github_api_url, headers=headers, trust_env=False) as client:
        yield client


async def read(github: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await github.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_repository_and_its_files_are_read(github: httpx.AsyncClient):
    repository = await read(github, "/repos/acme/rocket")
    root = await read(github, "/repos/acme/rocket/contents")
    readme = await read(github, "/repos/acme/rocket/contents/README.md", ref="main")
    tree = await read(github, "/repos/acme/rocket/git/trees/main", recursive="1")
    raw = await github.get("/repos/acme/rocket/readme", headers={"Accept": "application/vnd.github.raw+json"})
    assert (repository["full_name"], repository["default_branch"]) == ("acme/rocket", "main")
    assert [(entry["type"], entry["name"]) for entry in root] == [
        ("dir", "docs"),
        ("dir", "src"),
        ("dir", "tests"),
        ("file", "README.md"),
        ("file", "pyproject.toml"),
    ]
    assert base64.b64decode(readme["content"]).startswith(b"# rocket")
    assert raw.text.startswith("# rocket")
    assert "src/rocket/countdown.py" in [entry["path"] for entry in tree["tree"]]


async def test_issues_and_pull_requests_are_read(github: httpx.AsyncClient):
    issues = await read(github, "/repos/acme/rocket/issues")
    issue = await read(github, "/repos/acme/rocket/issues/1")
    comments = await read(github, "/repos/acme/rocket/issues/1/comments")
    pulls = await read(github, "/repos/acme/rocket/pulls", state="all")
    pull = await read(github, "/repos/acme/rocket/pulls/3")
    files = await read(github, "/repos/acme/rocket/pulls/3/files")
    diff = await github.get("/repos/acme/rocket/pulls/3", headers={"Accept": "application/vnd.github.diff"})
    assert [each["number"] for each in issues] == [3, 2, 1]
    assert (issue["title"], issue["comments"], len(comments)) == (
        "Negative numbers count down for ever",
        1,
        1,
    )
    assert [(each["number"], each["merged"]) for each in pulls] == [(4, True), (3, False)]
    assert (pull["head"]["ref"], pull["additions"], pull["deletions"]) == ("refuse-negative", 2, 0)
    assert files[0]["filename"] == "src/rocket/countdown.py"
    assert diff.text.startswith("diff --git")


async def test_code_and_issues_are_searched(github: httpx.AsyncClient):
    code = await read(github, "/search/code", q="liftoff repo:acme/rocket path:src")
    issues = await read(github, "/search/issues", q="negative is:issue")
    nothing = await read(github, "/search/code", q="unobtainium")
    assert [item["path"] for item in code["items"]] == ["src/rocket/countdown.py"]
    assert "liftoff" in code["items"][0]["text_matches"][0]["fragment"]
    assert [item["number"] for item in issues["items"]] == [1]
    assert nothing["total_count"] == 0


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer ghp_wrong"}, {"Authorization": "Basic eDp5"}]
)
async def test_nothing_is_read_without_the_token(sandbox: RunningSandbox, header: dict[str, str]):
    async with httpx.AsyncClient(base_url=sandbox.github_api_url, trust_env=False) as client:
        answer = await client.get("/repos/acme/rocket", headers=header)
    assert answer.status_code == 401
    assert "message" in answer.json()


@pytest.mark.parametrize(
    "path",
    [
        "/repos/acme/other",
        "/repos/acme/rocket/contents/missing.py",
        "/repos/acme/rocket/contents/README.md?ref=nowhere",
        "/repos/acme/rocket/issues/99",
        "/repos/acme/rocket/issues/abc",
        "/repos/acme/rocket/pulls/1",
        "/nothing",
    ],
)
async def test_what_is_not_there_is_not_found(github: httpx.AsyncClient, path: str):
    assert (await github.get(path)).status_code == 404


async def test_writing_is_beyond_the_token(github: httpx.AsyncClient):
    answer = await github.post("/repos/acme/rocket/issues", json={"title": "x"})
    assert answer.status_code == 403


async def test_people_change_it_and_it_fails_on_command(sandbox: RunningSandbox, github: httpx.AsyncClient):
    before = await read(github, "/repos/acme/rocket/branches")
    await sandbox.control.github.put_file("NEWS.md", "new")
    number = await sandbox.control.github.add_issue("Another")
    after = await read(github, "/repos/acme/rocket/branches")
    await sandbox.control.github.misbehave("/repos/*", "rate_limited", times=1, retry_after=5)
    limited = await github.get("/repos/acme/rocket")
    assert before[0]["commit"]["sha"] != after[0]["commit"]["sha"]
    assert (await read(github, f"/repos/acme/rocket/issues/{number}"))["title"] == "Another"
    assert (limited.status_code, limited.headers["Retry-After"]) == (403, "5")
