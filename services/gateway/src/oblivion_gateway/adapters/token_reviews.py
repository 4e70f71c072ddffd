"""TokenReview at the cluster's API, with the gateway's own ServiceAccount (or what KUBECONFIG names)."""

import ssl
from typing import Any

from oblivion_gateway.usecases.prove_operator import Reviewed
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.logging import get_logger

_log = get_logger(__name__)


class ClusterTokenReviews:
    """Implements `usecases.prove_operator.TokenReviews`; connects at first use."""

    def __init__(self) -> None:
        self._client: Any = None

    async def review(self, token: str, audience: str) -> Reviewed:
        # Late: only a gateway in a cluster needs them, and they take memory.
        import httpx2
        from lightkube.core.exceptions import ApiError, ConfigError
        from lightkube.models.authentication_v1 import TokenReviewSpec
        from lightkube.resources.authentication_v1 import TokenReview

        wish = TokenReview(spec=TokenReviewSpec(token=token, audiences=[audience]))
        try:
            answer = await self._connected().create(wish)
        except (ApiError, ConfigError, httpx2.HTTPError, ssl.SSLError, OSError) as error:
            _log.warning("cluster does not review tokens", error=type(error).__name__)
            raise DependencyUnavailable(
                "cluster_unavailable",
                "The cluster's API does not review tokens for the gateway. Its ServiceAccount needs the "
                "ClusterRole system:auth-delegator.",
            ) from None
        status = answer.status
        if status is None or not status.authenticated or status.user is None:
            return Reviewed("", ())
        return Reviewed(status.user.username or "", tuple(status.audiences or ()))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _connected(self) -> Any:
        if self._client is None:
            from lightkube import AsyncClient

            self._client = AsyncClient()
        return self._client
