"""GET /github/...: the part of GitHub's REST API that reading a repository takes; writing is refused.

Source: https://docs.github.com/en/rest
"""

from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_sandbox.clock import now_s
from oblivion_sandbox.control_routes import CommonControls, control
from oblivion_sandbox.github.readers import LIMIT_PER_HOUR, ROUTES, GitHubError, Read, Reader
from oblivion_sandbox.github.repository import Repository
from oblivion_sandbox.github.seed import BRANCH, OWNER, REPO
from oblivion_sandbox.misbehave import Misbehaviour, spoil
from oblivion_sandbox.store import Json, Store, dumps
from oblivion_sandbox.urls import base_url

AT = "/github"
DOCS = "https://docs.github.com/rest"


class GitHub:
    """The service: one account with one repository."""

    def __init__(self, store: Store, misbehaviour: Misbehaviour) -> None:
        self.store = store
        self.misbehaviour = misbehaviour
        self.repository = Repository(store)
        self.calls: Counter[str] = Counter()

    def reset(self) -> None:
        self.misbehaviour.clear("github")
        self.calls.clear()
        self.repository.reset()


class GitHubRest:
    """The endpoints and the controls."""

    def __init__(self, github: GitHub, public_url: str | None) -> None:
        self._github = github
        self._public_url = public_url

    def routes(self) -> list[Route]:
        return [
            *CommonControls("github", self._github).routes(),
            control(f"{AT}/control/account", "GET", self._account),
            control(f"{AT}/control/files", "PUT", self._put_file),
            control(f"{AT}/control/issues", "POST", self._add_issue),
            *(self._route(path, reader) for path, reader in ROUTES),
            Route(f"{AT}/{{rest:path}}", self._elsewhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def _route(self, path: str, reader: Reader) -> Route:
        async def handle(request: Request) -> Response:
            try:
                self._authenticate(request)
                read = Read(self._github.repository, request, base_url(request, self._public_url) + AT)
                read.check_repository()
                answer = reader(read)
            except GitHubError as refused:
                self._github.calls[f"GET {path}:{refused.status}"] += 1
                return _refusal(refused.status, refused.message)
            return answer if isinstance(answer, Response) else _json(answer)

        async def endpoint(request: Request) -> Response:
            actual = request.url.path.removeprefix(AT)
            rule = self._github.misbehaviour.pick("github", "call", path, actual, f"GET {actual}")
            self._github.calls[f"GET {path}"] += 1
            return await spoil(rule, request, handle, {"rate_limited": _limited, "error": _refused})

        return Route(AT + path, endpoint, methods=["GET"])

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not token:
            raise GitHubError(401, "Requires authentication")
        if token.strip() != self._github.repository.token:
            raise GitHubError(401, "Bad credentials")

    async def _elsewhere(self, request: Request) -> Response:
        """Writing is beyond the token's rights; other paths are not here."""
        if request.method != "GET":
            return _refusal(403, "Resource not accessible by personal access token")
        return _refusal(404, "Not Found")

    async def _account(self, _request: Request, _body: Json) -> object:
        return {"token": self._github.repository.token, "owner": OWNER, "repo": REPO, "branch": BRANCH}

    async def _put_file(self, _request: Request, body: Json) -> object:
        files = self._github.repository.files | {str(body["path"]): str(body["content"])}
        self._github.repository.change(files=files)
        return {"commit": self._github.repository.commit_sha}

    async def _add_issue(self, _request: Request, body: Json) -> object:
        issue = self._github.repository.add_issue(
            str(body["title"]), str(body.get("body", "")), str(body.get("user", "you"))
        )
        return {"number": issue["number"]}


def _json(body: Json | list[Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    limits = {
        "X-RateLimit-Limit": str(LIMIT_PER_HOUR),
        "X-RateLimit-Remaining": str(LIMIT_PER_HOUR - 1),
        "X-RateLimit-Reset": str(now_s() + 3600),
        "X-GitHub-Media-Type": "github.v3; format=json",
    }
    return Response(dumps(body), status, limits | (headers or {}), "application/json; charset=utf-8")


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return _json({"message": message, "documentation_url": DOCS, "status": str(status)}, status, headers)


def _limited(details: Json) -> Response:
    seconds = int(details.get("retry_after", 60))
    headers = {
        "Retry-After": str(seconds),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(now_s() + seconds),
    }
    return _refusal(403, "API rate limit exceeded", headers)


def _refused(details: Json) -> Response:
    return _refusal(int(details.get("status", 500)), str(details.get("err", "Server Error")))
