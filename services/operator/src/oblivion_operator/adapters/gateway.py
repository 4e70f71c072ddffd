"""The gateway's doors for the operator, over HTTP; signed in with the projected ServiceAccount token."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx2
from pydantic import BaseModel, ValidationError

from oblivion_contracts.agent_operator import (
    AgentDemand,
    AgentDemands,
    AgentRegistered,
    AgentsRetired,
    RegisterAgent,
    RetainAgents,
    TenantNamed,
)
from oblivion_contracts.problems import Problem
from oblivion_operator.errors import GatewayUnavailable, Hindered

TIMEOUT_S = 10.0
_REASONS = {
    "agent_name_taken": "NameTaken",
    "agent_of_another_tenant": "TenantChanged",
    "body_too_large": "TooLarge",
    "request_invalid": "Refused",
    "tenant_not_found": "TenantUnknown",
}
"""Problems that a person has to mend, as reasons of conditions."""


class HttpGateway:
    """Implements `ports.Gateway`."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._client = httpx2.AsyncClient(base_url=f"{url.rstrip('/')}/api/operator", timeout=TIMEOUT_S)
        self._token_file = token_file

    async def close(self) -> None:
        await self._client.aclose()

    async def tenant(self, slug_or_id: str) -> TenantNamed | None:
        answer = await self._ask("GET", f"/tenants/{slug_or_id}")
        if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}:
            if _problem(answer).code in {"tenant_not_found", "request_invalid"}:
                return None
            raise _unavailable(answer)
        return _read(answer, TenantNamed)

    async def register(self, uid: UUID, wish: RegisterAgent) -> AgentRegistered:
        answer = await self._ask("PUT", f"/agents/{uid}", content=wish.model_dump_json())
        if answer.is_client_error:
            problem = _problem(answer)
            if problem.code in _REASONS:
                raise Hindered(_REASONS[problem.code], problem.detail)
        return _read(answer, AgentRegistered)

    async def demand(self, tenants: Sequence[UUID]) -> Sequence[AgentDemand]:
        answer = await self._ask("GET", "/demand", params={"tenant": [str(tenant) for tenant in tenants]})
        return _read(answer, AgentDemands).items

    async def retain(self, wish: RetainAgents) -> Sequence[UUID]:
        answer = await self._ask("POST", "/agents/retain", content=wish.model_dump_json())
        return _read(answer, AgentsRetired).uids

    async def _ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """The token is read each time: the kubelet writes a new one before the old one is over."""
        try:
            token = self._token_file.read_text().strip()
        except OSError:
            raise GatewayUnavailable(
                "gateway_token_missing",
                f"There is no token for the gateway in {self._token_file} (OBLIVION_GATEWAY_TOKEN_FILE).",
            ) from None
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            return await self._client.request(method, path, headers=headers, **options)
        except httpx2.HTTPError as error:
            raise GatewayUnavailable(
                "gateway_unavailable", f"The gateway does not answer ({type(error).__name__})."
            ) from None


ModelT = TypeVar("ModelT", bound=BaseModel)


def _read(answer: httpx2.Response, model: type[ModelT]) -> ModelT:
    if not answer.is_success:
        raise _unavailable(answer)
    try:
        return model.model_validate_json(answer.content)
    except ValidationError:
        raise GatewayUnavailable(
            "gateway_unreadable",
            "The gateway answers what this version does not know. Upgrade both together.",
        ) from None


def _unavailable(answer: httpx2.Response) -> GatewayUnavailable:
    problem = _problem(answer)
    return GatewayUnavailable("gateway_unavailable", f"The gateway does not serve: {problem.detail}")


def _problem(answer: httpx2.Response) -> Problem:
    try:
        return Problem.model_validate_json(answer.content)
    except ValidationError:
        status = answer.status_code
        return Problem(title="Error", status=status, detail=f"HTTP {status}", code="unknown")
