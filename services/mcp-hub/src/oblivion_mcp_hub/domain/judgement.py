"""Whether a call may be made, by who asks and whose words are in the run's context."""

from oblivion_mcp_hub.domain.catalog import Entry, listed
from oblivion_mcp_hub.domain.trust import Standing
from oblivion_mcp_hub.errors import CallRefused


def needs_approval(entry: Entry, standing: Standing) -> bool:
    """Raises: CallRefused: not even with one."""
    if not standing.allows(entry.name):
        raise CallRefused("tool_not_allowed", f"{entry.name} is not among the tools that you were given.")
    if listed(entry, standing) is None:
        raise CallRefused(
            "trust_too_low",
            f"{entry.name} changes something, and not everybody in this conversation is a member. "
            "Ask a member to do it.",
        )
    return not entry.is_read_only and standing.writing == "with_approval"
