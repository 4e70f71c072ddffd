"""What a fresh system needs before its services start."""

from oblivion_cli.up.system import EmbeddedSystem


async def connect_sandbox(system: EmbeddedSystem) -> None:
    """Make the first tenant, and connect it to the stand-ins of Slack and ClickUp."""
