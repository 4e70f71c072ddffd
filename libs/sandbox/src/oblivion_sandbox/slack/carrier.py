"""How Slack delivers: signed POSTs with a 3 s deadline, or Socket Mode envelopes.

Retries come at once, after one minute and after five, with a number and a reason.
Source: https://docs.slack.dev/apis/events-api/#error-handling
"""

import json

from oblivion_sandbox.clock import now_s
from oblivion_sandbox.deliveries import Delivery, Outcome
from oblivion_sandbox.outgoing import Answer, Outgoing
from oblivion_sandbox.slack.events import signature
from oblivion_sandbox.slack.sockets import Sockets
from oblivion_sandbox.slack.workspace import Workspace
from oblivion_sandbox.store import Json, dumps

DEADLINE_S = 3.0
RETRY_WAITS_S = (0.0, 60.0, 300.0)


class SlackCarrier:
    """Sends one event to the app, by the way that the app has chosen."""

    def __init__(self, workspace: Workspace, sockets: Sockets, outgoing: Outgoing) -> None:
        self._workspace = workspace
        self._sockets = sockets
        self._outgoing = outgoing

    async def carry(self, delivery: Delivery) -> Outcome:
        if self._workspace.app.socket_mode:
            return await self._by_socket(delivery)
        url = self._workspace.app.request_url
        if url is None:
            return Outcome(ok=False, error="no_request_url", final=True)
        headers: dict[str, str] = {}
        if delivery.attempts:
            headers = {
                "X-Slack-Retry-Num": str(delivery.attempts),
                "X-Slack-Retry-Reason": delivery.last_error or "unknown_error",
            }
        answer = await self.post(url, delivery.body.encode(), "application/json", headers)
        return Outcome(answer.ok, answer.status, None if answer.ok else _reason(answer))

    async def post(
        self, url: str, body: bytes, content_type: str, headers: dict[str, str] | None = None
    ) -> Answer:
        """One signed request."""
        app = self._workspace.app
        timestamp = str(now_s() + app.clock_skew_s)
        signed = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(app.signing_secret, timestamp, body),
            **(headers or {}),
        }
        return await self._outgoing.post(url, body, signed, DEADLINE_S)

    async def _by_socket(self, delivery: Delivery) -> Outcome:
        payload = json.loads(delivery.body)
        reason = delivery.last_error or ""
        try:
            await self._sockets.send("events_api", payload, delivery.attempts, reason, DEADLINE_S)
        except TimeoutError:
            return Outcome(ok=False, error="timeout")
        except ConnectionError:
            return Outcome(ok=False, error="connection_failed")
        return Outcome(ok=True)

    def gave_up(self, delivery: Delivery, outcome: Outcome) -> None:
        """Slack keeps nothing of an event that nobody took."""

    def succeeded(self, delivery: Delivery) -> None:
        """Nothing more to note."""

    async def verify_url(self, url: str, challenge: str) -> Json:
        """The handshake of a new request URL: the challenge must come back, alone or in JSON."""
        body = {
            "token": self._workspace.app.verification_token,
            "challenge": challenge,
            "type": "url_verification",
        }
        answer = await self.post(url, dumps(body).encode(), "application/json")
        returned = answer.ok and challenge in answer.text
        return {"verified": returned, "status": answer.status, "error": None if returned else _reason(answer)}


def _reason(answer: Answer) -> str:
    """Slack's word for a failure, as in X-Slack-Retry-Reason."""
    if answer.error == "timeout":
        return "http_timeout"
    if answer.status is None:
        return "connection_failed"
    return "too_many_redirects" if 300 <= answer.status < 400 else "http_error"
