"""What each path of the API answers: the repository read, page by page."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from oblivion_sandbox.clock import now_s
from oblivion_sandbox.github.repository import NAME, Repository, blob_sha
from oblivion_sandbox.github.seed import BRANCH, OWNER, REPO
from oblivion_sandbox.store import Json

LIMIT_PER_HOUR = 5000
RAW = "application/vnd.github.raw"
DIFF = "application/vnd.github.diff"
_R = "/repos/{owner}/{repo}"
_QUALIFIER = re.compile(r"\b(\w+):(\S+)")


class GitHubError(Exception):
    """A refused request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Read:
    """One request to read something."""

    repository: Repository
    request: Request
    base_url: str

    @property
    def accepts(self) -> str:
        return self.request.headers.get("accept", "")

    def query(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default)

    def number(self) -> int:
        value = self.request.path_params["number"]
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0

    def page(self, entries: list[Any]) -> list[Any]:
        """`per_page` entries from `page` on."""
        size, page = (_whole(self.query(name), default) for name, default in (("per_page", 30), ("page", 1)))
        return entries[(page - 1) * min(size, 100) :][: min(size, 100)]

    def check_repository(self) -> None:
        place = self.request.path_params
        if "owner" in place and (place["owner"].lower(), place["repo"].lower()) != (OWNER, REPO):
            raise GitHubError(404, "Not Found")


Reader = Callable[[Read], "Json | list[Any] | Response"]


def get_user(_read: Read) -> Json:
    return {"login": "oblivion-agent", "id": 1, "type": "User", "name": "Oblivion agent"}


def list_repositories(read: Read) -> list[Any]:
    return read.page([read.repository.as_json(read.base_url)])


def get_repository(read: Read) -> Json:
    return read.repository.as_json(read.base_url)


def list_branches(read: Read) -> list[Any]:
    commit = {"sha": read.repository.commit_sha, "url": f"{read.base_url}/repos/{NAME}/commits/{BRANCH}"}
    return [{"name": BRANCH, "commit": commit, "protected": False}]


def list_commits(read: Read) -> list[Any]:
    return [read.repository.commit_json(read.base_url)]


def get_commit(read: Read) -> Json:
    _check_ref(read, read.request.path_params["ref"])
    return read.repository.commit_json(read.base_url) | {"files": []}


def get_ref(read: Read) -> Json:
    if read.request.path_params["ref"] != f"heads/{BRANCH}":
        raise GitHubError(404, "Not Found")
    return {"ref": f"refs/heads/{BRANCH}", "object": {"type": "commit", "sha": read.repository.commit_sha}}


def get_tree(read: Read) -> Json:
    _check_ref(read, read.request.path_params["sha"])
    return read.repository.tree_json(recursive=read.query("recursive") not in ("", "0", "false"))


def get_blob(read: Read) -> Json:
    sha = read.request.path_params["sha"]
    path = next((path for path, text in read.repository.files.items() if blob_sha(text) == sha), None)
    if path is None:
        raise GitHubError(404, "Not Found")
    return read.repository.file_json(path, read.base_url)


def get_contents(read: Read) -> Json | list[Any] | Response:
    _check_ref(read, read.query("ref", BRANCH))
    path = read.request.path_params.get("path", "").strip("/")
    if path in read.repository.files:
        return _file(read, path)
    entries = read.repository.folder_json(path, read.base_url)
    if not entries:
        raise GitHubError(404, "Not Found")
    return entries


def get_readme(read: Read) -> Json | list[Any] | Response:
    if "README.md" not in read.repository.files:
        raise GitHubError(404, "Not Found")
    return _file(read, "README.md")


def _file(read: Read, path: str) -> Json | Response:
    if "raw" in read.accepts:
        return PlainTextResponse(read.repository.files[path], media_type=f"{RAW}; charset=utf-8")
    return read.repository.file_json(path, read.base_url)


def list_issues(read: Read) -> list[Any]:
    issues = read.repository.issues(read.query("state", "open"))
    labels = {label for label in read.query("labels").split(",") if label}
    chosen = [issue for issue in issues if labels <= set(issue["labels"])]
    return read.page([read.repository.issue_json(issue, read.base_url) for issue in chosen])


def get_issue(read: Read) -> Json:
    return read.repository.issue_json(_issue(read), read.base_url)


def list_comments(read: Read) -> list[Any]:
    return read.page(read.repository.comments(_issue(read)["number"]))


def list_pulls(read: Read) -> list[Any]:
    pulls = [each for each in read.repository.issues(read.query("state", "open")) if "diff" in each]
    return read.page([read.repository.pull_json(pull, read.base_url) for pull in pulls])


def get_pull(read: Read) -> Json | Response:
    pull = _pull(read)
    if "diff" in read.accepts or "patch" in read.accepts:
        return PlainTextResponse(pull["diff"], media_type=f"{DIFF}; charset=utf-8")
    return read.repository.pull_json(pull, read.base_url)


def list_pull_files(read: Read) -> list[Any]:
    pull = _pull(read)
    counted = read.repository.pull_json(pull, read.base_url)
    patch = pull["diff"][pull["diff"].find("@@") :]
    changed = {"status": "modified", "additions": counted["additions"], "deletions": counted["deletions"]}
    return read.page([{"filename": path, "patch": patch, **changed} for path in pull["files"]])


def search_code(read: Read) -> Json:
    """Files that hold every word, within `repo:`, `path:` and `extension:`."""
    words, qualifiers = _search(read)
    found: list[Json] = []
    for path, text in sorted(read.repository.files.items()):
        fits = qualifiers.get("path", "") in path and path.endswith(qualifiers.get("extension", ""))
        if fits and all(word in f"{path}\n{text}".lower() for word in words):
            lines = [line for line in text.splitlines() if any(word in line.lower() for word in words)]
            matches = [{"property": "content", "fragment": "\n".join(lines[:5])}] if lines else []
            entry = read.repository.file_json(path, read.base_url)
            entry.pop("content")
            place = {"repository": read.repository.as_json(read.base_url), "score": 1.0}
            found.append(entry | place | {"text_matches": matches})
    return _found(read, found)


def search_issues(read: Read) -> Json:
    words, qualifiers = _search(read)
    state = qualifiers.get("state") or qualifiers.get("is", "all")
    issues = read.repository.issues(state if state in ("open", "closed") else "all")
    kind = qualifiers.get("type") or qualifiers.get("is")
    if kind in ("pr", "issue"):
        issues = [each for each in issues if ("diff" in each) is (kind == "pr")]
    fitting = [
        each for each in issues if all(word in f"{each['title']} {each['body']}".lower() for word in words)
    ]
    return _found(read, [read.repository.issue_json(each, read.base_url) for each in fitting])


def search_repositories(read: Read) -> Json:
    words, _qualifiers = _search(read)
    repository = read.repository.as_json(read.base_url)
    fits = all(word in f"{NAME} {repository['description']}".lower() for word in words)
    return _found(read, [repository] if fits else [])


def rate_limit(_read: Read) -> Json:
    core = {"limit": LIMIT_PER_HOUR, "remaining": LIMIT_PER_HOUR, "reset": now_s() + 3600, "used": 0}
    return {"resources": {"core": core, "search": core}, "rate": core}


def _search(read: Read) -> tuple[list[str], dict[str, str]]:
    text = read.query("q")
    if not text.strip():
        raise GitHubError(422, "Validation Failed")
    qualifiers = {name.lower(): value.strip('"').lower() for name, value in _QUALIFIER.findall(text)}
    if qualifiers.get("repo", NAME) != NAME or qualifiers.get("org", OWNER) != OWNER:
        raise GitHubError(422, "The listed users and repositories cannot be searched")
    return _QUALIFIER.sub(" ", text).replace('"', " ").lower().split(), qualifiers


def _found(read: Read, items: list[Json]) -> Json:
    return {"total_count": len(items), "incomplete_results": False, "items": read.page(items)}


def _check_ref(read: Read, ref: str) -> None:
    if ref not in (BRANCH, "HEAD", f"refs/heads/{BRANCH}", read.repository.commit_sha):
        raise GitHubError(404, f"No commit found for the ref {ref}")


def _issue(read: Read) -> Json:
    issue = read.repository.issue(read.number())
    if issue is None:
        raise GitHubError(404, "Not Found")
    return issue


def _pull(read: Read) -> Json:
    issue = _issue(read)
    if "diff" not in issue:
        raise GitHubError(404, "Not Found")
    return issue


def _whole(value: str, default: int) -> int:
    return (
        int(value) if value.isascii() and value.isdigit() and 0 < len(value) < 6 and int(value) else default
    )


ROUTES: tuple[tuple[str, Reader], ...] = (
    ("/user", get_user),
    ("/user/repos", list_repositories),
    ("/orgs/{org}/repos", list_repositories),
    ("/rate_limit", rate_limit),
    ("/search/code", search_code),
    ("/search/issues", search_issues),
    ("/search/repositories", search_repositories),
    (_R, get_repository),
    (f"{_R}/branches", list_branches),
    (f"{_R}/commits", list_commits),
    (f"{_R}/commits/{{ref:path}}", get_commit),
    (f"{_R}/git/ref/{{ref:path}}", get_ref),
    (f"{_R}/git/trees/{{sha}}", get_tree),
    (f"{_R}/git/blobs/{{sha}}", get_blob),
    (f"{_R}/contents", get_contents),
    (f"{_R}/contents/{{path:path}}", get_contents),
    (f"{_R}/readme", get_readme),
    (f"{_R}/issues", list_issues),
    (f"{_R}/issues/{{number}}", get_issue),
    (f"{_R}/issues/{{number}}/comments", list_comments),
    (f"{_R}/pulls", list_pulls),
    (f"{_R}/pulls/{{number}}", get_pull),
    (f"{_R}/pulls/{{number}}/files", list_pull_files),
)
