"""What a tenant's admins may set for all of it, and what they live within."""

from typing import Literal

from oblivion_contracts.model import Contract


class TenantSettings(Contract):
    """What the tenant decides by itself; None: as the system has it."""

    slack_streaming: Literal["off", "direct", "everywhere"] | None = None
    """Where answers in Slack appear as they are written."""
    unknown_users: Literal["guest", "refuse"] | None = None
    """What becomes of people in Slack who are not known yet."""


class TenantSettingsView(TenantSettings):
    """The tenant's settings, and the limits that it lives within, which are the operator's."""

    retention_days: int
    """After so many days the bodies of events are purged."""
    user_requests_per_minute: int
    tenant_requests_per_minute: int
