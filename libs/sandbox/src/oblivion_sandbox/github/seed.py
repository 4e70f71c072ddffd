"""The repository as it is at first start: a small countdown service with two issues and two pull requests."""

import secrets

from oblivion_sandbox.store import Json

OWNER = "acme"
REPO = "rocket"
BRANCH = "main"
_README = """# rocket

A countdown service for launches.

## Use

    python -m rocket 10

It counts down from the number given and says "liftoff" at zero. `--hold` stops at three.

## Develop

Tests are in `tests/`; run them with `pytest`. The launch checklist is in `docs/checklist.md`.
"""
_COUNTDOWN = '''"""The countdown."""

from collections.abc import Iterator


def countdown(start: int, hold_at: int | None = None) -> Iterator[str]:
    """Yield one line for each second, and "liftoff" at the end, unless held."""
    for second in range(start, 0, -1):
        if second == hold_at:
            yield f"holding at {second}"
            return
        yield str(second)
    yield "liftoff"
'''
_MAIN = '''"""python -m rocket SECONDS"""

import sys

from rocket.countdown import countdown

for line in countdown(int(sys.argv[1]), 3 if "--hold" in sys.argv else None):
    print(line)
'''
_TEST = """from rocket.countdown import countdown


def test_it_ends_in_liftoff():
    assert list(countdown(2)) == ["2", "1", "liftoff"]
"""
_CHECKLIST = """# Launch checklist

1. Weather is good for the next six hours.
2. The range is clear.
3. Legal has approved the announcement.
4. Somebody watches the error rate for the first hour.
"""
_DIFF = """diff --git a/src/rocket/countdown.py b/src/rocket/countdown.py
--- a/src/rocket/countdown.py
+++ b/src/rocket/countdown.py
@@ -6,6 +6,8 @@
 def countdown(start: int, hold_at: int | None = None) -> Iterator[str]:
     \"\"\"Yield one line for each second, and "liftoff" at the end, unless held.\"\"\"
+    if start < 0:
+        raise ValueError("a countdown starts at zero or above")
     for second in range(start, 0, -1):
"""
_README_DIFF = """diff --git a/README.md b/README.md
--- a/README.md
+++ b/README.md
@@ -6,4 +6,6 @@

     python -m rocket 10

+On Windows: `py -m rocket 10`.
+
 It counts down from the number given and says "liftoff" at zero. `--hold` stops at three.
"""


def new_repository() -> Json:
    """Files, issues and pull requests, with a fresh token."""
    return {
        "token": f"ghp_{secrets.token_hex(18)}",
        "files": {
            "README.md": _README,
            "docs/checklist.md": _CHECKLIST,
            "pyproject.toml": '[project]\nname = "rocket"\nversion = "1.4.0"\n',
            "src/rocket/__init__.py": '"""Countdowns for launches."""\n',
            "src/rocket/__main__.py": _MAIN,
            "src/rocket/countdown.py": _COUNTDOWN,
            "tests/test_countdown.py": _TEST,
        },
        "issues": [
            _issue(
                1, "Negative numbers count down for ever", "ana", "`python -m rocket -1` never ends.", "bug"
            ),
            _issue(
                2, "Say which checklist item is missing", "ben", "At hold, name the open item.", "enhancement"
            ),
        ],
        "pulls": [
            _issue(3, "Refuse negative numbers", "ana", "Fixes #1.", "bug")
            | {"diff": _DIFF, "files": ["src/rocket/countdown.py"], "head": "refuse-negative"},
            _issue(4, "Readme: how to run it on Windows", "ben", "A line for Windows.", "docs")
            | {
                "diff": _README_DIFF,
                "files": ["README.md"],
                "head": "windows",
                "state": "closed",
                "merged": True,
            },
        ],
        "comments": [{"number": 1, "user": "ben", "body": "Seen on 1.4.0 as well."}],
    }


def _issue(number: int, title: str, user: str, body: str, label: str) -> Json:
    return {"number": number, "title": title, "user": user, "body": body, "labels": [label], "state": "open"}
