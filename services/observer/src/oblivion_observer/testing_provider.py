"""An OpenID Connect provider for tests in a browser: asks who somebody is, and believes them.

It runs in a thread of its own, since it has to be there before the system that sends people to it.
"""

import asyncio
import base64
import hashlib
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from oblivion_platform.http_server import serving

CLIENT = "oblivion"
UP_WITHIN_S = 30.0
_FORM = """<!doctype html><html lang="en"><head><title>Example Inc.</title></head><body><form method="post">
<label>E-mail <input name="email" type="email"></label><button>It is me</button></form></body></html>"""


@dataclass
class StandInProvider:
    """What it knows of those who are on their way back."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._ask, methods=["GET"]),
                Route("/authorize", self._send_back, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _metadata(self, _request: Request) -> Response:
        paths = {"authorization": "authorize", "token": "token"}
        endpoints = {f"{name}_endpoint": f"{self.url}/{path}" for name, path in paths.items()}
        return JSONResponse(
            {
                **endpoints,
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _ask(self, request: Request) -> Response:
        if request.query_params.get("client_id") != CLIENT:
            return HTMLResponse(escape("unknown client"), 400)
        return HTMLResponse(_FORM)

    async def _send_back(self, request: Request) -> Response:
        asked, code = request.query_params, token_urlsafe()
        email = str((await request.form())["email"])
        self.codes[code] = {
            "nonce": asked["nonce"],
            "challenge": asked["code_challenge"],
            "email": email,
        }
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        known = self.codes.pop(str(form.get("code")), None)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        proved = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if known is None or known["challenge"] != proved:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": self._identity(known)})

    def _identity(self, known: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": known["email"],
            "name": known["email"].partition("@")[0],
            "email": known["email"],
            "email_verified": True,
            "nonce": known["nonce"],
            "iat": now,
            "exp": now + 60,
        }
        return jwt.encode({"alg": "RS256", "kid": "k"}, claims, self.key)


@contextmanager
def standing_in() -> Generator[StandInProvider]:
    """A provider that answers until the block ends."""
    made, ready, done = StandInProvider(), threading.Event(), threading.Event()

    async def live() -> None:
        async with serving(made.application(), host="127.0.0.1", port=0, drain_timeout_s=1) as port:
            made.url = f"http://127.0.0.1:{port}"
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    try:
        if not ready.wait(UP_WITHIN_S):
            raise TimeoutError("the stand-in of an identity provider did not start")
        yield made
    finally:
        done.set()
        thread.join()
