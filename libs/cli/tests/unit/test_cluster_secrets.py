"""Secrets of a cluster: made once, completed, never changed behind anybody's back."""

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest

from oblivion_cli.cluster.api import secrets_here
from oblivion_cli.cluster.secrets import SecretStore, new_keys, new_passwords
from oblivion_cli.cluster.squad import SQUAD_KEY, keep_squad
from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_platform.crypto import decode_key

PATH = "/api/v1/namespaces/here/secrets"


class ApiServer:
    """What is needed of Kubernetes' API, as it behaves."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, str]] = {}
        self.writes = 0
        self.refuse = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.refuse:
            return httpx.Response(403, json={"message": "forbidden: s3cret"})
        if request.method == "POST":
            return self._create(json.loads(request.content))
        name = request.url.path.removeprefix(f"{PATH}/")
        if name not in self.secrets:
            return httpx.Response(404, json={})
        if request.method == "PATCH":
            self.writes += 1
            self.secrets[name] |= json.loads(request.content)["stringData"]
        return httpx.Response(200, json={"data": {k: _encoded(v) for k, v in self.secrets[name].items()}})

    def _create(self, manifest: dict[str, Any]) -> httpx.Response:
        name = manifest["metadata"]["name"]
        if name in self.secrets:
            return httpx.Response(409, json={})
        self.writes += 1
        self.secrets[name] = {key: b64decode(value).decode() for key, value in manifest["data"].items()}
        return httpx.Response(201, json=manifest)


def _encoded(value: str) -> str:
    return b64encode(value.encode()).decode()


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
def store(server: ApiServer) -> SecretStore:
    http = httpx.AsyncClient(base_url="https://cluster", transport=httpx.MockTransport(server))
    return SecretStore(http, "here")


async def test_a_missing_secret_is_made(server: ApiServer, store: SecretStore) -> None:
    made = await store.complete("oblivion-keys", new_keys())
    assert made == ["master-key", "signing-key"]
    assert len(decode_key(server.secrets["oblivion-keys"]["master-key"])) == 32


async def test_a_secret_that_is_there_stays_as_it_is(server: ApiServer, store: SecretStore) -> None:
    server.secrets["oblivion-keys"] = {"master-key": "mine", "signing-key": "mine too"}
    assert await store.complete("oblivion-keys", new_keys()) == []
    assert server.secrets["oblivion-keys"] == {"master-key": "mine", "signing-key": "mine too"}
    assert server.writes == 0


async def test_a_key_that_an_older_version_did_not_have_is_added(
    server: ApiServer, store: SecretStore
) -> None:
    server.secrets["oblivion-database"] = {"postgres": "old"}
    made = await store.complete("oblivion-database", new_passwords())
    assert "redis" in made
    assert server.secrets["oblivion-database"]["postgres"] == "old"


async def test_passwords_are_safe_inside_a_url() -> None:
    for password in new_passwords().values():
        assert httpx.URL(f"http://role:{password}@host").password == password


async def test_a_refusal_names_what_to_mend_and_quotes_nothing(server: ApiServer, store: SecretStore) -> None:
    server.refuse = True
    with pytest.raises(CommandFailed) as failed:
        await store.complete("oblivion-keys", new_keys())
    assert "403" in failed.value.sentence
    assert "s3cret" not in failed.value.sentence + failed.value.fix


async def test_the_squad_keeps_the_secrets_that_it_has(server: ApiServer, store: SecretStore) -> None:
    seen: list[str] = []

    async def register(home: Home) -> None:
        known = home.squad_file.read_text() if home.squad_file.exists() else "[]"
        seen.append(known)
        home.squad_file.write_text('["kept"]')

    await keep_squad(store, "squad", register)
    await keep_squad(store, "squad", register)
    assert seen == ["[]", '["kept"]']
    assert server.secrets["squad"] == {SQUAD_KEY: '["kept"]'}
    assert server.writes == 1


def test_outside_a_pod_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="not a pod"):
        secrets_here(tmp_path)
