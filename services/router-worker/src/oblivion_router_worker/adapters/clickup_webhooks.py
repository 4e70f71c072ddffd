"""ClickUp's webhooks of our own, seen, woken and made."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from oblivion_platform.clickup import WEBHOOK_EVENTS, ClickUp, ClickUpClient, ClickUpNotFound, Use
from oblivion_router_worker.adapters.clickup_reads import client_of
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.credentials import Credentials
from oblivion_router_worker.ports.watching import Webhook


class ClickUpWebhooks:
    """Implements `ports.watching.Webhooks`."""

    def __init__(self, clickup: ClickUp, credentials: Credentials) -> None:
        self._clickup = clickup
        self._credentials = credentials

    async def all(self, integration: Integration) -> Sequence[Webhook]:
        async with self._client(integration) as client:
            return [_webhook(item) for item in await client.get_webhooks(integration.external_id)]

    async def activate(self, integration: Integration, webhook: Webhook) -> None:
        async with self._client(integration) as client:
            await client.activate_webhook(webhook.id, webhook.endpoint, WEBHOOK_EVENTS)

    async def create(self, integration: Integration, endpoint: str) -> Webhook:
        async with self._client(integration) as client:
            return _webhook(await client.create_webhook(integration.external_id, endpoint, WEBHOOK_EVENTS))

    async def delete(self, integration: Integration, webhook: Webhook) -> None:
        async with self._client(integration) as client:
            with suppress(ClickUpNotFound):
                await client.delete_webhook(webhook.id)

    def _client(self, integration: Integration) -> AbstractAsyncContextManager[ClickUpClient]:
        return client_of(self._clickup, self._credentials, integration, Use.CREATION)


def _webhook(item: dict[str, Any]) -> Webhook:
    health: dict[str, Any] = item.get("health") or {}
    fail_count = health.get("fail_count")
    return Webhook(
        id=str(item.get("id", "")),
        endpoint=str(item.get("endpoint", "")),
        is_active=health.get("status", "active") == "active",
        fail_count=fail_count if isinstance(fail_count, int) else 0,
        secret=item.get("secret"),
    )
