"""Kubernetes Secrets that are made once: what is there stays as it is.

A Secret appears complete or not at all (one POST), so a Job that is killed and started again makes each once.
They belong to no Helm release: an upgrade cannot rotate them, and uninstalling keeps them, as it keeps the
data that only they open.
"""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from oblivion_cli.errors import CommandFailed
from oblivion_platform.crypto import generate_key
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES

Values = dict[str, str]
CONFLICT, NOT_FOUND = 409, 404
LABELS = {"app.kubernetes.io/part-of": "oblivion", "app.kubernetes.io/managed-by": "oblivion-cli"}


def new_keys() -> Values:
    """What tokens and signing secrets are sealed with."""
    return {"master-key": generate_key(), "signing-key": generate_key()}


def new_passwords() -> Values:
    """One for each role of the database, its administrator's, and Redis's. Safe inside a URL."""
    names = ("postgres", OWNER, *SERVICE_ROLES, "redis")
    return {name: secrets.token_urlsafe(32) for name in names}


class SecretStore:
    """The Secrets of one namespace, by the API server."""

    def __init__(self, http: httpx.AsyncClient, namespace: str) -> None:
        self._http = http
        self._path = f"/api/v1/namespaces/{namespace}/secrets"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def read(self, name: str) -> Values | None:
        answer = await self._http.get(f"{self._path}/{name}")
        if answer.status_code == NOT_FOUND:
            return None
        data: dict[str, str] = _checked(answer, name).get("data") or {}
        return {key: b64decode(value).decode() for key, value in data.items()}

    async def create(self, name: str, values: Mapping[str, str]) -> bool:
        """False when it was there already; that one stays."""
        answer = await self._http.post(self._path, json=_manifest(name, values))
        if answer.status_code == CONFLICT:
            return False
        _checked(answer, name)
        return True

    async def complete(self, name: str, wanted: Values) -> list[str]:
        """Make the Secret, or add the keys that it lacks; returns what was made."""
        if await self.create(name, wanted):
            return list(wanted)
        known = await self.read(name) or {}
        missing = {key: value for key, value in wanted.items() if key not in known}
        if missing:
            await self.change(name, missing)
        return list(missing)

    async def put(self, name: str, values: Values) -> None:
        """Make it hold at least these values; nothing is written when it does."""
        known = await self.read(name)
        if known is None:
            await self.create(name, values)
        elif not values.items() <= known.items():
            await self.change(name, values)

    async def change(self, name: str, values: Mapping[str, str]) -> None:
        answer = await self._http.patch(
            f"{self._path}/{name}",
            json={"stringData": dict(values)},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        _checked(answer, name)


def _manifest(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": LABELS},
        "data": {key: b64encode(value.encode()).decode() for key, value in values.items()},
    }


def _checked(answer: httpx.Response, name: str) -> dict[str, Any]:
    """The body. Its message is not shown: it could quote what was sent."""
    if answer.is_success:
        return answer.json()
    raise CommandFailed(
        f"The API server refused the Secret {name} ({answer.status_code}).",
        "Look at the Job's ServiceAccount: it needs get, create and patch on secrets of this namespace.",
    )
