"""ClickUp webhooks: `X-Signature` is the bare hex HMAC-SHA256 of the raw body; each webhook has its secret.

There is no timestamp, so a replay stays valid for ever; only deduplication stops it, and that what it leads
to is fetched.
Source: https://developer.clickup.com/docs/webhooksignature.
"""

from oblivion_ingestion.domain.clickup import webhook_facts
from oblivion_ingestion.domain.deliveries import Delivery, EventFacts, Secret, SecretKey
from oblivion_ingestion.domain.shape import JsonObject, text_at
from oblivion_ingestion.domain.signatures import HmacProof
from oblivion_ingestion.errors import SignatureRejected
from oblivion_platform.safe_json import parse_json_object

NAME = "clickup"
WEBHOOK_ID_MAX_CHARS = 64


class ClickUpClaim:
    """A body that names its webhook."""

    __slots__ = ("_delivery", "_payload", "keys", "proof")
    witnesses: tuple[SecretKey, ...] = ()
    reply: bytes | None = None

    def __init__(self, payload: JsonObject, delivery: Delivery, key: SecretKey, signature: bytes) -> None:
        self._payload = payload
        self._delivery = delivery
        self.keys = (key,)
        self.proof = HmacProof(delivery.body, signature)

    def facts(self, secret: Secret) -> EventFacts:
        del secret  # The webhook id, by which it was found, says all.
        return webhook_facts(self._payload, self._delivery.body, self._delivery.received_unix_s)


class ClickUpSource:
    """`/webhooks/clickup`, and the same with an integration's id, which is not needed to find the secret."""

    name = NAME

    def read(self, delivery: Delivery) -> ClickUpClaim:
        """See `Source.read`."""
        signature = delivery.headers.get(b"x-signature")
        if signature is None:
            raise SignatureRejected("signature_missing")
        payload = parse_json_object(delivery.body)
        webhook_id = text_at(payload, "webhook_id")
        if not webhook_id or len(webhook_id) > WEBHOOK_ID_MAX_CHARS:
            raise SignatureRejected("webhook_unnamed")
        key = SecretKey("lookup", NAME, f"{NAME}:{webhook_id}")
        return ClickUpClaim(payload, delivery, key, signature)
