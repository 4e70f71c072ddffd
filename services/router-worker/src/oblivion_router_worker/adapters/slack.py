"""Slack's Web API: what we send, look up and read. slack_sdk's own retries are off: ours know about effects.

Slack answers HTTP 200 with `ok: false`; a 5xx or a cut connection may mean that the message was posted.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias, cast
from uuid import UUID

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from oblivion_platform.errors import AuthenticationFailed, OblivionFailure, RateLimited
from oblivion_router_worker.adapters.slack_budgets import Allowance, SlackBudgets, key_of
from oblivion_router_worker.adapters.slack_failures import (
    DEFAULT_WAIT_S,
    failure_of_answer,
    no_answer,
    unavailable,
)
from oblivion_router_worker.ports.credentials import Credentials

Json: TypeAlias = dict[str, Any]


class SlackApi:
    """Calls with the token of an integration, over one shared session.

    All raise:
        RateLimited: Slack did nothing and says when to come back, or has said so to another of us.
        AuthenticationFailed, PermanentFailure: Slack did nothing and never will.
        DependencyUnavailable: nothing was done.
        AnswerLost: it may have been done (only when `changes`).
    """

    def __init__(
        self, session: aiohttp.ClientSession, api_url: str, credentials: Credentials, budgets: SlackBudgets
    ) -> None:
        self._session = session
        self._api_url = api_url
        self._credentials = credentials
        self._budgets = budgets
        self._clients: dict[UUID, AsyncWebClient] = {}

    async def call(
        self,
        tenant_id: UUID,
        integration_id: UUID,
        method: str,
        arguments: Mapping[str, Any],
        *,
        changes: bool,
        allowance: Allowance | None = None,
        keep: int = 0,
    ) -> Json:
        """`allowance`: what we allow ourselves of this method, but for `keep`, left to the more urgent."""
        key = key_of(integration_id, method, arguments)
        if allowance is None:
            await self._budgets.respect(tenant_id, key)
        else:
            await self._budgets.spend(tenant_id, key, allowance, keep=keep)
        client = await self._client(tenant_id, integration_id)
        try:
            return await _answer(client, method, arguments, changes=changes)
        except AuthenticationFailed:
            self._credentials.forget(integration_id)
            raise
        except RateLimited as limited:
            await self._budgets.pause(tenant_id, key, limited.retry_after_s or DEFAULT_WAIT_S)
            raise

    async def _client(self, tenant_id: UUID, integration_id: UUID) -> AsyncWebClient:
        token = await self._credentials.token(tenant_id, integration_id)
        client = self._clients.get(integration_id)
        if client is None or client.token != token:
            client = AsyncWebClient(
                token=token, base_url=self._api_url, session=self._session, retry_handlers=[]
            )
            client.proxy = None  # The session knows about proxies, and about NO_PROXY.
            self._clients[integration_id] = client
        return client


async def _answer(
    client: AsyncWebClient, method: str, arguments: Mapping[str, Any], *, changes: bool
) -> Json:
    # Reads take form bodies only; what is sent goes as JSON.
    body: Json = {"json" if changes else "data": dict(arguments)}
    try:
        answer = await cast("Any", client).api_call(method, **body)
        return cast("Json", answer.data)
    except SlackApiError as error:
        failure: OblivionFailure = failure_of_answer(error, changes=changes)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        failure = unavailable(type(error).__name__)
    except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError, AttributeError) as error:
        # AttributeError: slack_sdk's way to stumble over an answer that is not a JSON object.
        failure = no_answer(type(error).__name__, changes=changes)
    raise failure


def next_cursor(page: Json) -> str | None:
    """The next page of a list method; None after the last."""
    metadata: Json = page.get("response_metadata") or {}
    return metadata.get("next_cursor") or None
