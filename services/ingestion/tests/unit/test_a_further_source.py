"""The plug for sources: what another kind of sender takes, and that nothing else has to know of it."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from oblivion_ingestion.domain.deliveries import Delivery, EventFacts, Secret, SecretKey
from oblivion_ingestion.domain.signatures import HmacProof
from oblivion_ingestion.errors import SignatureRejected
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.routes.application import Application
from oblivion_ingestion.routes.webhooks import WebhookEndpoint
from oblivion_ingestion.usecases.intake import Intake
from oblivion_platform.health import Health

OWNER = Secret(b"shared", uuid4(), uuid4(), "forge:octo")


class ForgeClaim:
    witnesses = ()
    reply = None

    def __init__(self, delivery: Delivery, signature: bytes) -> None:
        self._event = json.loads(delivery.body)
        self.keys = (SecretKey("lookup", "forge", f"forge:{self._event['account']}"),)
        self.proof = HmacProof(delivery.body, signature)

    def facts(self, secret: Secret) -> EventFacts:
        return EventFacts("push", f"branch:{self._event['branch']}", self._event["id"], 2)


class ForgeSource:
    name = "forge"

    def read(self, delivery: Delivery) -> ForgeClaim:
        signature = delivery.headers.get(b"x-forge-signature")
        if signature is None:
            raise SignatureRejected("signature_missing")
        return ForgeClaim(delivery, signature)


class Stores:
    """Secrets, inbox and relay in one."""

    def __init__(self):
        self.stored, self.offered = [], []

    async def find(self, key):
        return [OWNER] if key.value == OWNER.lookup_key else []

    def commit(self, event):
        self.stored.append(event)
        committed = asyncio.get_running_loop().create_future()
        committed.set_result(None)
        return committed

    def offer(self, event):
        self.offered.append(event)


@pytest.fixture
def stores() -> Stores:
    return Stores()


@pytest.fixture
async def http(stores: Stores) -> AsyncIterator[httpx.AsyncClient]:
    metrics = Metrics()
    endpoint = WebhookEndpoint({"forge": ForgeSource()}, Intake(stores, stores, stores), metrics)
    transport = httpx.ASGITransport(Application(endpoint, Health(), metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://ingestion") as client:
        yield client


def signed(secret: bytes) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"account": "octo", "branch": "main", "id": "d1"}).encode()
    return body, {"x-forge-signature": hmac.new(secret, body, hashlib.sha256).hexdigest()}


async def test_its_deliveries_are_proven_stored_and_passed_on(http, stores):
    body, headers = signed(OWNER.value)
    assert (await http.post("/webhooks/forge", content=body, headers=headers)).status_code == 200
    (event,) = stores.stored
    assert (event.source, event.tenant_id, event.integration_id) == (
        "forge",
        OWNER.tenant_id,
        OWNER.integration_id,
    )
    assert (event.facts.subject, event.facts.dedupe_key, event.body) == ("branch:main", "d1", body)
    assert stores.offered == [event]


async def test_one_that_is_not_proven_is_refused(http, stores):
    body, headers = signed(b"another secret")
    assert (await http.post("/webhooks/forge", content=body, headers=headers)).status_code == 401
    assert (await http.post("/webhooks/forge", content=body)).status_code == 401
    assert stores.stored == []


async def test_the_description_names_the_sources_that_there_are(http):
    description = (await http.get("/webhooks-openapi.json")).json()
    (source,) = description["paths"]["/webhooks/{source}"]["post"]["parameters"]
    assert source["schema"]["enum"] == ["forge"]
    assert (await http.post("/webhooks/slack", content=b"{}")).status_code == 404
