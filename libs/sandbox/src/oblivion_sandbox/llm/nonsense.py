"""What a broken model says: well-formed protocol around useless content, or not even that."""

from dataclasses import replace
from typing import Literal

from oblivion_sandbox.llm.prompt import Prompt, Reply, ToolCall

Nonsense = Literal["arguments", "values", "unknown_tool", "blank", "empty", "invalid_json"]
DEFAULT: Nonsense = "arguments"
KINDS: frozenset[str] = frozenset({"arguments", "values", "unknown_tool", "blank", "empty", "invalid_json"})
BABBLE = "colourless green ideas sleep furiously " * 3


def spoiled(prompt: Prompt, reply: Reply, how: str) -> Reply:
    """The reply made useless within the protocol; `empty` and `invalid_json` break the envelope instead."""
    call = (
        reply.calls[0]
        if reply.calls
        else ToolCall("call_0", prompt.tools[0].name if prompt.tools else "", {})
    )
    if how == "blank":
        return Reply("")
    if how == "unknown_tool":
        return Reply(calls=(replace(call, name="no_such_tool"),))
    if not prompt.tools:
        return Reply(BABBLE)
    if how == "values":
        return Reply(calls=(replace(call, arguments={"": [None], "agent": -1, "confidence": "very"}),))
    return Reply(calls=(replace(call, arguments={}, raw='{"agent": "gener'),))
