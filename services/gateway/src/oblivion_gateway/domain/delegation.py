"""Which tools a run may use: an agent's own list, narrowed by everyone who handed the work on."""

from collections.abc import Sequence

EVERYTHING_OF = "__*"
"""`provider__*` stands for all tools of a provider."""


def tool_matches(pattern: str, tool: str) -> bool:
    if pattern.endswith(EVERYTHING_OF):
        return tool.startswith(pattern.removesuffix("*"))
    return pattern == tool


def narrowed_tools(outer: Sequence[str] | None, inner: Sequence[str] | None) -> list[str] | None:
    """What both allow; None allows everything."""
    if outer is None or inner is None:
        allowed = inner if outer is None else outer
        return None if allowed is None else list(allowed)
    kept = [tool for tool in inner if any(tool_matches(pattern, tool) for pattern in outer)]
    wider = [pattern for pattern in inner if pattern.endswith(EVERYTHING_OF)]
    kept += [tool for tool in outer if any(tool_matches(pattern, tool) for pattern in wider)]
    return list(dict.fromkeys(kept))
