"""Implements `ports.SignedIn` by the gateway's word, which is believed for a few seconds.

A page of the board asks for many things; each of them would count against the person's requests a minute.
What is no cookie of ours is nobody's, and nothing of it goes on to the gateway.
"""

import hashlib
import re
import time
from collections import OrderedDict

import httpx

from oblivion_observer.ports import Person
from oblivion_platform.door import SESSION_COOKIE
from oblivion_platform.errors import DependencyUnavailable

BELIEVED_S = 10.0
"""As long as the live feed believes somebody who follows it."""
TIMEOUT_S = 5.0
_KEPT_MAX = 1_000
_OF_OURS = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""As the gateway makes them; anything else would have to be quoted to stand in a header."""
_ADDRESSES = re.compile(r"[0-9A-Za-z.:, \[\]_-]{1,2000}")


class GatewaysWord:
    """One per process."""

    def __init__(self, gateway_url: str) -> None:
        self._client = httpx.AsyncClient(base_url=gateway_url, timeout=TIMEOUT_S, trust_env=False)
        self._known: OrderedDict[bytes, tuple[float, Person | None]] = OrderedDict()

    async def person(
        self, cookie: str, *, anew: bool = False, forwarded_for: str | None = None
    ) -> Person | None:
        if not _OF_OURS.fullmatch(cookie):
            return None
        key = hashlib.sha256(cookie.encode()).digest()
        known = self._known.get(key)
        if known is not None and time.monotonic() < known[0] and not anew:
            return known[1]
        person = await self._ask(cookie, forwarded_for)
        self._known[key] = (time.monotonic() + BELIEVED_S, person)
        self._known.move_to_end(key)
        while len(self._known) > _KEPT_MAX:
            self._known.popitem(last=False)
        return person

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, cookie: str, forwarded_for: str | None) -> Person | None:
        headers = {"Cookie": f"{SESSION_COOKIE}={cookie}"}
        if forwarded_for is not None and _ADDRESSES.fullmatch(forwarded_for):
            # As it came: the gateway counts from its end, by the proxies that stand before it and us alike.
            headers["X-Forwarded-For"] = forwarded_for
        try:
            # A renewed cookie is for the browser, which asks for one by itself.
            answer = await self._client.get("/api/me?renew=false", headers=headers)
        except httpx.HTTPError as error:
            raise DependencyUnavailable(
                "gateway_unavailable", f"The gateway does not answer ({type(error).__name__})."
            ) from None
        if answer.status_code in {401, 403}:
            return None
        if not answer.is_success:
            raise DependencyUnavailable("gateway_unavailable", "The gateway does not say who you are.")
        said = answer.json()
        return Person(str(said["id"]), bool(said["is_operator"]))
