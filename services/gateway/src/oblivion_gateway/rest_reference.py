"""Writes docs/reference/rest.md from the API's own description and the table of roles, or checks it.

python -m oblivion_gateway.rest_reference FILE [--check]
"""

import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from oblivion_gateway.domain.access import ACCESS
from oblivion_gateway.domain.callers import Role
from oblivion_gateway.routes.application import describe

HEADER = """# The REST API

Generated from the API's description: `make schemas` writes this page again. The whole description, with every
body, answer and error, is at `/api/openapi.json`; `/docs` lets you try it.

- **Who you are.** `Authorization: Bearer <token>`, or the cookie of a signed-in browser
  ([sign-in](../operate/sign-in.md)). A browser changes things from this system's own pages only (`Origin`,
  `Sec-Fetch-Site`).
- **Roles.** The last column says who may. People see their own runs and sessions, admins everybody's; what
  another tenant has is not there (404).
- **Errors** are problem details (RFC 9457, `application/problem+json`) with a stable `code`; `POST
  /auth/token` answers as OAuth 2 does.
- **Repeats.** A POST with an `Idempotency-Key` is done once: a repeat within a day gets the first answer.
- **Lists** come in pages: ask again with `cursor` set to `next_cursor`, until it is null.
- **Limits.** 100 requests a minute of a person or agent, 1,000 of a tenant, 10,000 of an address:
  `RateLimit-*` says what is left, 429 comes with `Retry-After`. A body has at most 1 MiB.
- **Following a run.** `GET /api/jobs/{run_id}/progress` streams its steps (Server-Sent Events) from any
  replica; after a break, `Last-Event-ID` goes on where it ended. Where a stream cannot be had, ask
  `/status` every 2 s.
"""


def page() -> str:
    """The whole page."""
    rows = sorted(_rows(), key=lambda row: row[0])
    tables = [_table(tag, [row[1:] for row in group]) for tag, group in groupby(rows, key=lambda row: row[0])]
    return HEADER + "".join(tables)


def _rows() -> list[tuple[str, str, str, str, str]]:
    paths: dict[str, dict[str, Any]] = describe()["paths"]
    return [
        (operation["tags"][0], path, method.upper(), operation["description"], _who(operation["operationId"]))
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]


def _who(operation: str) -> str:
    roles = ACCESS.get(operation)
    if roles is None:
        return "anybody"
    return ", ".join(role.value for role in Role if role in roles)


def _table(tag: str, rows: list[tuple[str, str, str, str]]) -> str:
    lines = [f"| `{method} {path}` | {_flat(what)} | {who} |" for path, method, what, who in rows]
    head = f"\n## {tag.capitalize()}\n\n| operation | what it does | who may |\n|---|---|---|\n"
    return head + "\n".join(lines) + "\n"


def _flat(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


def main() -> int:
    """Exit code 1 when `--check` finds the file stale."""
    file = Path(sys.argv[1])
    if "--check" not in sys.argv[2:]:
        file.write_text(page(), encoding="utf-8")
        return 0
    if file.read_text(encoding="utf-8") != page():
        sys.stderr.write(f"{file} differs from the API; run `make schemas`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
