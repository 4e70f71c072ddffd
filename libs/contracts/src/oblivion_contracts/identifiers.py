"""Names that appear in URLs, Slack and Kubernetes, and how each may look."""

from typing import Annotated

from pydantic import Field

AGENT_NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"

AgentName = Annotated[str, Field(pattern=AGENT_NAME_PATTERN)]
"""As Kubernetes names a resource; unique in its tenant."""

TaskName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""One capability of an agent, such as `fix_bug`; `default` is what a bare `@agent.on_task()` handles."""

DEFAULT_TASK = "default"

Alias = Annotated[str, Field(pattern=r"^@?[A-Za-z0-9_.-]{1,64}$")]
"""What people write for an agent, with or without `@`; compared without regard to case."""
SQUAD_ALIAS = "@AI_Squad"
"""Names the whole squad: the router chooses among its agents."""

ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""`{provider}__{tool}`, as the MCP hub lists it."""

ToolPattern = Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{1,64}|[A-Za-z0-9_-]{1,62}__\*)$")]
"""A tool's name, or `{provider}__*` for all of a provider."""
