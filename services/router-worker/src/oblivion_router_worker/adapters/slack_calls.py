"""Slack's methods called on behalf of one effect: with its integration's token, within its budgets."""

from typing import Any, TypeAlias

from oblivion_router_worker.adapters.slack import SlackApi
from oblivion_router_worker.adapters.slack_budgets import Allowance
from oblivion_router_worker.ports.delivery import Sending

Json: TypeAlias = dict[str, Any]


class EffectCalls:
    """Both raise what `SlackApi` raises."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    async def change(
        self,
        sending: Sending,
        method: str,
        arguments: Json,
        allowance: Allowance | None = None,
        *,
        keep: int = 0,
    ) -> Json:
        of, by = sending.effect.tenant_id, sending.effect.integration_id
        return await self._api.call(of, by, method, arguments, changes=True, allowance=allowance, keep=keep)

    async def read(self, sending: Sending, method: str, arguments: Json) -> Json:
        of, by = sending.effect.tenant_id, sending.effect.integration_id
        return await self._api.call(of, by, method, arguments, changes=False)
