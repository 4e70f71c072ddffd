"""GitHub's REST API, as far as reading a repository goes.

Source: https://docs.github.com/en/rest (API version 2022-11-28)
"""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import httpx2

API_VERSION = "2022-11-28"
ANSWERED_WITHIN_S = 20.0
PER_PAGE = 50
FILE_LENGTH_MAX = 100_000
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_RAW = "application/vnd.github.raw+json"
_DIFF = "application/vnd.github.diff"
_JSON = "application/vnd.github+json"

Json = dict[str, Any]


class GitHubRefused(Exception):
    """GitHub did not give what was asked for; the text says why, for a model and its person."""


class GitHub:
    """Read-only calls; each raises `GitHubRefused`."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def file(self, repository: str, path: str, ref: str) -> str:
        """A text file's content, cut after 100,000 characters."""
        answer = await self._get(f"{_of(repository)}/contents/{_path(path)}", _RAW, _ref(ref))
        if b"\0" in answer.content[:8_000]:
            return f"{path} is no text file ({len(answer.content)} bytes)."
        text = answer.text
        return text if len(text) <= FILE_LENGTH_MAX else f"{text[:FILE_LENGTH_MAX]}\n… (cut)"

    async def folder(self, repository: str, path: str, ref: str) -> list[Json]:
        entries: Any = await self._json(f"{_of(repository)}/contents/{_path(path)}", _ref(ref))
        if not isinstance(entries, list):
            raise GitHubRefused(f"{path} is a file; read it with get_file.")
        return [_chosen(entry, "path", "type", "size") for entry in cast("list[Json]", entries)]

    async def issues(self, repository: str, state: str) -> list[Json]:
        """Without pull requests, which GitHub lists among them."""
        found = await self._json(f"{_of(repository)}/issues", {"state": state, "per_page": str(PER_PAGE)})
        return [_issue(each) for each in found if "pull_request" not in each]

    async def issue(self, repository: str, number: int) -> Json:
        at = f"{_of(repository)}/issues/{number}"
        issue = await self._json(at)
        comments: list[Json] = []
        if issue.get("comments"):
            comments = await self._json(f"{at}/comments", {"per_page": str(PER_PAGE)})
        said = [{"user": _login(each), "body": each.get("body")} for each in comments]
        return _issue(issue) | {"body": issue.get("body"), "comments": said}

    async def pulls(self, repository: str, state: str) -> list[Json]:
        found = await self._json(f"{_of(repository)}/pulls", {"state": state, "per_page": str(PER_PAGE)})
        return [_issue(each) | {"draft": each.get("draft", False)} for each in found]

    async def pull_diff(self, repository: str, number: int) -> str:
        return (await self._get(f"{_of(repository)}/pulls/{number}", _DIFF)).text

    async def search_code(self, repository: str, query: str) -> list[Json]:
        question = f"{query} repo:{repository}"
        found = await self._json("/search/code", {"q": question, "per_page": str(PER_PAGE)})
        return [_chosen(each, "path", "html_url") for each in found.get("items", [])]

    async def _json(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return (await self._get(path, _JSON, query)).json()

    async def _get(self, path: str, accept: str, query: Mapping[str, str] | None = None) -> httpx2.Response:
        try:
            answer = await self._http.get(path, params=dict(query or {}), headers={"Accept": accept})
        except httpx2.HTTPError as error:
            raise GitHubRefused(
                f"GitHub does not answer ({type(error).__name__}); try again later."
            ) from error
        if answer.is_success:
            return answer
        raise GitHubRefused(_refusal(answer))


def connect(api_url: str, token: str) -> httpx2.AsyncClient:
    """A client that signs each request."""
    headers = {
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": API_VERSION,
        "User-Agent": "oblivion-agent",
    }
    return httpx2.AsyncClient(base_url=api_url.rstrip("/"), headers=headers, timeout=ANSWERED_WITHIN_S)


def _of(repository: str) -> str:
    owner, _, name = repository.strip().removeprefix("https://github.com/").strip("/").partition("/")
    if not (_NAME.fullmatch(owner) and _NAME.fullmatch(name)) or {owner, name} & {".", ".."}:
        raise GitHubRefused(f"{repository!r} is no repository; write owner/name.")
    return f"/repos/{owner}/{name}"


def _path(path: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise GitHubRefused("A path has no '..'.")
    return "/".join(quote(part, safe="") for part in parts)


def _ref(ref: str) -> dict[str, str]:
    return {"ref": ref} if ref else {}


def _refusal(answer: httpx2.Response) -> str:
    limited = answer.status_code == 429 or answer.headers.get("x-ratelimit-remaining") == "0"
    if limited and answer.status_code in (403, 429):
        wait = answer.headers.get("retry-after")
        return (
            f"GitHub's rate limit is used up; try again in {wait} s."
            if wait
            else "GitHub's rate limit is used up."
        )
    known = {
        401: "GitHub does not accept the agent's token; its owner has to renew GITHUB_TOKEN.",
        403: "The agent's token may not read this.",
        404: "There is no such thing there, or the agent's token may not see it.",
        422: "GitHub cannot make sense of the request.",
    }
    return known.get(answer.status_code, f"GitHub answers HTTP {answer.status_code}; try again later.")


def _issue(each: Json) -> Json:
    labels = [label.get("name") for label in cast("list[Json]", each.get("labels") or [])]
    return _chosen(each, "number", "title", "state", "html_url") | {"user": _login(each), "labels": labels}


def _login(each: Json) -> str:
    user: Json = each.get("user") or {}
    return str(user.get("login", ""))


def _chosen(each: Json, *names: str) -> Json:
    return {name: each.get(name) for name in names}
