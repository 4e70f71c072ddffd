"""Speaks to our own ingestion as Slack and ClickUp would: signed, and through the public address."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass

import httpx

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Answer:
    """What came back; `status` is None when nothing did, and `reason` says why."""

    status: int | None
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and self.status < 300


async def send_slack_handshake(url: str, secret: str, app_id: str) -> Answer:
    """Slack's `url_verification`: proves the address and the secret, and stores nothing."""
    body = json.dumps({"type": "url_verification", "challenge": "oblivion", "api_app_id": app_id}).encode()
    timestamp = str(int(time.time()))
    signed = f"v0:{timestamp}:".encode() + body
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={signature}"}
    return await _post(url, body, headers)


async def send_clickup_probe(url: str, secret: str, webhook_id: str) -> Answer:
    """An event of a kind that ClickUp does not have: it is stored and ignored."""
    body = json.dumps({"event": "oblivionProbe", "webhook_id": webhook_id}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return await _post(url, body, {"X-Signature": signature})


async def send_unsigned(url: str) -> Answer:
    """Anything at all: a refusal proves that ingestion stands behind the address."""
    return await _post(url, b"{}", {})


async def _post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.post(
                url, content=body, headers={**headers, "Content-Type": "application/json"}
            )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(None, type(error).__name__)
    return Answer(answer.status_code)
