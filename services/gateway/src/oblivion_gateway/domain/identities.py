"""Who somebody is elsewhere, as an identity provider vouches for it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Identity:
    """A person at a provider; `subject` is what `user_identities` holds."""

    provider: Literal["oidc", "slack"]
    subject: str
    name: str
    email: str | None
    """Only if the provider has verified it."""
    team: str | None = None
    """Slack's workspace."""
