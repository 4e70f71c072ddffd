"""A client for the part of ClickUp's API v2 that Oblivion uses.

    clickup = ClickUp(session, "https://api.clickup.com/api/v2")
    task = await clickup.client(token, Use.CHANGE).get_task("86c0abc")

Answers are the API's JSON; failures are those of `oblivion_platform.errors`.
"""

from oblivion_platform.clickup.budget import TokenBudget, Use
from oblivion_platform.clickup.client import ClickUp, ClickUpClient, is_clickup_id
from oblivion_platform.clickup.errors import ClickUpNotFound
from oblivion_platform.clickup.events import WEBHOOK_EVENTS

__all__ = [
    "WEBHOOK_EVENTS",
    "ClickUp",
    "ClickUpClient",
    "ClickUpNotFound",
    "TokenBudget",
    "Use",
    "is_clickup_id",
]
