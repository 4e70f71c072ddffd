"""What agent and MCP hub say to each other beside the protocol.

The hub lets a call pass that needs an approval when a person has said yes to exactly this question about
exactly these arguments; what was shown is what is compared, so nothing else can be slipped in.
"""

import html
import json
from collections.abc import Mapping
from typing import Any

MISSING_KEY = "dev.oblivion/missing"
"""In `_meta` of a list of tools: connection → why its tools are not there."""
APPROVAL_KEY = "dev.oblivion/approval_needed"
"""In `_meta` of a result: the call was not made, and may be made again once a person has agreed to it."""
AGE_KEY = "dev.oblivion/age_s"
"""In `_meta` of a result: how long ago the tool's server answered it."""
SHOWN_LENGTH_MAX = 5_000
"""UTF-16 units, escaped: what Slack shows of a question's detail, so what a person can agree to."""


def tool_question(tool: str) -> str:
    return f"May I use {tool}?"


def arguments_shown(arguments: Mapping[str, Any]) -> str:
    """Arguments as a person reads them: all of them, and nothing of them as markup."""
    # Without a backtick of its own, nothing inside closes the fence; it is still the same JSON.
    code = json.dumps(dict(arguments), ensure_ascii=False, indent=1).replace("`", "\\u0060")
    return f"```\n{code}\n```"


def fits_question(detail: str) -> bool:
    """Whether a person is shown all of it."""
    return len(html.escape(detail, quote=False).encode("utf-16-le", "replace")) // 2 <= SHOWN_LENGTH_MAX
