"""A ServiceAccount's token → whether it is the operator of our cluster, by the cluster's own word.

A token that is not meant for us, such as one of our own, is refused here and sent nowhere.
Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from oblivion_contracts.agent_operator import GATEWAY_AUDIENCE
from oblivion_gateway.errors import NoCluster
from oblivion_platform.door import NotAllowed
from oblivion_platform.errors import AuthenticationFailed

BELIEVED_S = 60.0
"""How long the cluster's word on a token counts."""
_KEPT_MAX = 100


@dataclass(frozen=True)
class Reviewed:
    """What the cluster says of a token."""

    user: str
    """Empty: it is no valid token."""
    audiences: tuple[str, ...]


class TokenReviews(Protocol):
    """The cluster's API."""

    async def review(self, token: str, audience: str) -> Reviewed:
        """Raises: DependencyUnavailable."""
        ...


class OperatorTokenRefused(AuthenticationFailed):
    """401."""

    def __init__(self) -> None:
        super().__init__(
            "operator_token_refused",
            f"Only the operator's ServiceAccount may, with a token for the audience {GATEWAY_AUDIENCE}.",
        )


class ProveOperator:
    """One per process."""

    def __init__(
        self, reviews: TokenReviews | None, account: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reviews = reviews
        self._user = f"system:serviceaccount:{account}"
        self._clock = clock
        self._believed: dict[bytes, float] = {}

    async def __call__(self, token: str) -> None:
        """Return if it is the operator's.

        Raises:
            OperatorTokenRefused: it is not valid, over, or not for us.
            NoCluster: this system runs without an operator.
            NotAllowed: another account's.
            DependencyUnavailable: the cluster does not answer.
        """
        if GATEWAY_AUDIENCE not in claimed_audiences(token):
            raise OperatorTokenRefused
        if self._reviews is None:
            raise NoCluster
        key = hashlib.sha256(token.encode()).digest()
        if self._believed.get(key, 0.0) > self._clock():
            return
        reviewed = await self._reviews.review(token, GATEWAY_AUDIENCE)
        if not reviewed.user or GATEWAY_AUDIENCE not in reviewed.audiences:
            raise OperatorTokenRefused
        if reviewed.user != self._user:
            raise NotAllowed("This ServiceAccount is not the operator's (OBLIVION_OPERATOR_ACCOUNT).")
        self._believe(key)

    def _believe(self, key: bytes) -> None:
        if len(self._believed) >= _KEPT_MAX:
            del self._believed[next(iter(self._believed))]
        self._believed[key] = self._clock() + BELIEVED_S


def claimed_audiences(token: str) -> list[str]:
    """Whom a JWT says it is for, proved or not; nobody when it is none."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        found: object = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return []
    audiences: object = cast("dict[str, Any]", found).get("aud") if isinstance(found, dict) else None
    listed = cast("list[object]", audiences) if isinstance(audiences, list) else [audiences]
    return [audience for audience in listed if isinstance(audience, str)]
