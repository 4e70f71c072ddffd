"""The repository's state, kept as one document, and the objects that the API makes of it."""

import base64
import hashlib
from typing import Any

from oblivion_sandbox.github.seed import BRANCH, OWNER, REPO, new_repository
from oblivion_sandbox.store import Json, Store

SETTING = "github.repository"
NAME = f"{OWNER}/{REPO}"
CREATED = "2026-01-05T09:00:00Z"
UPDATED = "2026-11-02T16:20:00Z"


class Repository:
    """Files, issues, pull requests and comments of the one repository."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.state: Json = store.setting(SETTING) or {}
        if not self.state:
            self.reset()

    def reset(self) -> None:
        self.change(**new_repository())

    def change(self, **parts: Any) -> None:
        self.state = self.state | parts
        self._store.save_setting(SETTING, self.state)

    @property
    def token(self) -> str:
        return self.state["token"]

    @property
    def files(self) -> dict[str, str]:
        return self.state["files"]

    @property
    def commit_sha(self) -> str:
        """Changes with any file, as a commit would."""
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()  # noqa: S324  # git's own

    def add_issue(self, title: str, body: str, user: str) -> Json:
        known = [*self.state["issues"], *self.state["pulls"]]
        number = max(each["number"] for each in known) + 1
        issue: Json = {
            "number": number,
            "title": title,
            "body": body,
            "user": user,
            "labels": [],
            "state": "open",
        }
        self.change(issues=[*self.state["issues"], issue])
        return issue

    # Objects

    def as_json(self, base_url: str) -> Json:
        return {
            "id": 1296269,
            "name": REPO,
            "full_name": NAME,
            "private": False,
            "owner": user_json(OWNER),
            "description": "A countdown service for launches.",
            "html_url": f"{base_url}/{NAME}",
            "url": f"{base_url}/repos/{NAME}",
            "default_branch": BRANCH,
            "language": "Python",
            "topics": ["countdown", "launch"],
            "stargazers_count": 42,
            "forks_count": 3,
            "open_issues_count": len(self.issues("open")),
            "archived": False,
            "created_at": CREATED,
            "updated_at": UPDATED,
            "pushed_at": UPDATED,
            "license": {"key": "mit", "name": "MIT License", "spdx_id": "MIT"},
        }

    def file_json(self, path: str, base_url: str) -> Json:
        content = self.files[path].encode()
        return self._entry(path, "file", base_url) | {
            "size": len(content),
            "encoding": "base64",
            "content": base64.encodebytes(content).decode(),
        }

    def folder_json(self, path: str, base_url: str) -> list[Json]:
        """What lies in a folder, folders first."""
        prefix = f"{path}/" if path else ""
        inside = [name.removeprefix(prefix) for name in self.files if name.startswith(prefix)]
        folders = sorted({name.partition("/")[0] for name in inside if "/" in name})
        files = sorted(name for name in inside if "/" not in name)
        entries = [self._entry(prefix + name, "dir", base_url) | {"size": 0} for name in folders]
        return entries + [
            self._entry(prefix + name, "file", base_url) | {"size": len(self.files[prefix + name])}
            for name in files
        ]

    def _entry(self, path: str, kind: str, base_url: str) -> Json:
        return {
            "type": kind,
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": blob_sha(self.files.get(path, path)),
            "url": f"{base_url}/repos/{NAME}/contents/{path}?ref={BRANCH}",
            "html_url": f"{base_url}/{NAME}/blob/{BRANCH}/{path}",
            "download_url": None,
        }

    def tree_json(self, *, recursive: bool) -> Json:
        folders = {name[:index] for name in self.files for index, sign in enumerate(name) if sign == "/"}
        tree = [
            {"path": path, "mode": "040000", "type": "tree", "sha": blob_sha(path)}
            for path in sorted(folders)
        ]
        tree += [
            {"path": path, "mode": "100644", "type": "blob", "sha": blob_sha(text), "size": len(text)}
            for path, text in sorted(self.files.items())
        ]
        shown = [each for each in tree if recursive or "/" not in str(each["path"])]
        return {"sha": self.commit_sha, "tree": shown, "truncated": False}

    def commit_json(self, base_url: str) -> Json:
        author = {"name": "Ana Silva", "email": "ana@example.com", "date": UPDATED}
        return {
            "sha": self.commit_sha,
            "commit": {"author": author, "committer": author, "message": "Hold at three (#2)"},
            "author": user_json("ana"),
            "html_url": f"{base_url}/{NAME}/commit/{self.commit_sha}",
            "parents": [],
        }

    # Issues and pull requests

    def issues(self, state: str) -> list[Json]:
        """Issues and pull requests, which are issues to GitHub, newest first."""
        both = [*self.state["issues"], *self.state["pulls"]]
        chosen = [each for each in both if state in ("all", each["state"])]
        return sorted(chosen, key=lambda each: -int(each["number"]))

    def issue(self, number: int) -> Json | None:
        return next((each for each in self.issues("all") if each["number"] == number), None)

    def issue_json(self, issue: Json, base_url: str) -> Json:
        number = issue["number"]
        shape: Json = {
            "id": 9000 + int(number),
            "number": number,
            "title": issue["title"],
            "body": issue["body"],
            "state": issue["state"],
            "user": user_json(issue["user"]),
            "labels": [{"name": name, "color": "5f55ee"} for name in issue["labels"]],
            "assignees": [],
            "comments": len(self.comments(number)),
            "created_at": CREATED,
            "updated_at": UPDATED,
            "closed_at": UPDATED if issue["state"] == "closed" else None,
            "html_url": f"{base_url}/{NAME}/issues/{number}",
            "url": f"{base_url}/repos/{NAME}/issues/{number}",
        }
        return shape | (
            {"pull_request": {"url": f"{base_url}/repos/{NAME}/pulls/{number}"}} if "diff" in issue else {}
        )

    def pull_json(self, pull: Json, base_url: str) -> Json:
        diff = str(pull["diff"]).splitlines()
        shape = self.issue_json(pull, base_url)
        shape.pop("pull_request")
        merged = bool(pull.get("merged"))
        return shape | {
            "draft": False,
            "merged": merged,
            "merged_at": UPDATED if merged else None,
            "mergeable": None if merged else True,
            "head": {"ref": pull["head"], "sha": blob_sha(str(pull["diff"])), "repo": {"full_name": NAME}},
            "base": {"ref": BRANCH, "sha": self.commit_sha, "repo": {"full_name": NAME}},
            "additions": sum(line.startswith("+") and not line.startswith("+++") for line in diff),
            "deletions": sum(line.startswith("-") and not line.startswith("---") for line in diff),
            "changed_files": len(pull["files"]),
            "html_url": f"{base_url}/{NAME}/pull/{pull['number']}",
            "diff_url": f"{base_url}/{NAME}/pull/{pull['number']}.diff",
        }

    def comments(self, number: int) -> list[Json]:
        return [
            {"id": 7000 + index, "user": user_json(each["user"]), "body": each["body"], "created_at": UPDATED}
            for index, each in enumerate(self.state["comments"])
            if each["number"] == number
        ]


def user_json(login: str) -> Json:
    kind = "Organization" if login == OWNER else "User"
    return {"login": login, "id": sum(login.encode()), "type": kind, "site_admin": False}


def blob_sha(text: str) -> str:
    """The id that git gives a file of this content."""
    content = text.encode()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()  # noqa: S324  # git's own
