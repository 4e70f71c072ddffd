"""Keeps exactly one ClickUp webhook of ours per workspace, pointing at us and awake."""

from typing import Any, Protocol
from uuid import UUID

from oblivion_cli.usecases.connect import Connector, Webhook

Json = dict[str, Any]


class WebhookApi(Protocol):
    """What is needed of ClickUp."""

    async def webhooks(self, team_id: str) -> list[Json]: ...
    async def create_webhook(self, team_id: str, endpoint: str) -> Json: ...
    async def change_webhook(self, webhook_id: str, endpoint: str) -> None: ...
    async def delete_webhook(self, webhook_id: str) -> None: ...


def webhook_path(integration_id: UUID) -> str:
    """Where a workspace's events arrive, below our public address."""
    return f"/webhooks/clickup/{integration_id}"


async def keep_one_webhook(
    connector: Connector, api: WebhookApi, integration_id: UUID, public_url: str
) -> str:
    """Re-use the webhook whose secret we hold, else make one; returns its id.

    Others that point at this integration are removed: their secrets are lost, so ingestion refuses them.
    """
    integration = await connector.integration(integration_id)
    endpoint = public_url + webhook_path(integration_id)
    known_id = integration.config.get("webhook_id")
    ours: Json | None = None
    for webhook in await api.webhooks(integration.external_id):
        if webhook["id"] == known_id:
            ours = webhook
        elif str(webhook["endpoint"]).endswith(webhook_path(integration_id)):
            await api.delete_webhook(webhook["id"])
    if ours is None:
        made = await api.create_webhook(integration.external_id, endpoint)
        await connector.keep_webhook(integration_id, Webhook(made["id"], endpoint, made["secret"]))
        return str(made["id"])
    if ours["endpoint"] != endpoint or ours["health"]["status"] != "active":
        await api.change_webhook(ours["id"], endpoint)
    if integration.config.get("webhook_url") != endpoint:
        await connector.move_webhook(integration_id, endpoint)
    return str(ours["id"])
