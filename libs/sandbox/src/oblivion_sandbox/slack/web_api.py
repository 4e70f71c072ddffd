"""POST /slack/api/{method}: authentication, scopes and limits, then the method itself."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_sandbox.misbehave import spoil
from oblivion_sandbox.slack.api import METHODS, TIERS_PER_MINUTE, Method
from oblivion_sandbox.slack.call import Call, bearer_token, read_arguments
from oblivion_sandbox.slack.errors import RateLimited, SlackError
from oblivion_sandbox.slack.service import Slack
from oblivion_sandbox.store import Json, dumps
from oblivion_sandbox.urls import base_url

POST_BURST = 5
SPECIAL_PER_MINUTE = 600
WORKSPACE_POSTS_PER_MINUTE = 600


class WebApi:
    """The endpoint of all methods."""

    def __init__(self, slack: Slack, public_url: str | None) -> None:
        self._slack = slack
        self._public_url = public_url

    def routes(self) -> list[Route]:
        return [Route("/slack/api/{method}", self.endpoint, methods=["GET", "POST"])]

    async def endpoint(self, request: Request) -> Response:
        """Count the call, spoil it if a rule says so, answer it."""
        method = request.path_params["method"]
        rule = self._slack.misbehaviour.pick("slack", "call", *await self._names(request, method))
        self._slack.calls[method] += 1
        return await spoil(rule, request, self._handle, {"rate_limited": _told_to_wait, "error": _refused})

    async def _names(self, request: Request, method: str) -> tuple[str, ...]:
        """What a rule may call this call: the method, or that and the channel."""
        if not self._slack.misbehaviour.rules("slack"):
            return (method,)
        try:
            return (method, f"{method} {(await read_arguments(request)).get('channel')}")
        except SlackError:
            return (method,)

    async def _handle(self, request: Request) -> Response:
        name: str = request.path_params["method"]
        headers: dict[str, str] = {}
        try:
            arguments = await read_arguments(request)
            method = METHODS.get(name)
            if method is None:
                raise SlackError("unknown_method", req_method=name)
            granted = self._authenticate(method, bearer_token(request, arguments))
            self._slack.interactions.reached_at(base_url(request, None))
            headers = {"x-oauth-scopes": ",".join(granted), "x-accepted-oauth-scopes": method.scope or ""}
            if method.scope is not None and method.scope not in granted:
                raise SlackError("missing_scope", needed=method.scope, provided=",".join(granted))
            call = Call(self._slack, arguments, base_url(request, self._public_url))
            self._limit(name, method, call)
            return _answer(method.answer(call), headers)
        except UnicodeEncodeError:
            # A lone surrogate is legal JSON and no text.
            return _answer(SlackError("invalid_json").as_json(), headers)
        except SlackError as refused:
            self._slack.calls[f"{name}:{refused.code}"] += 1
            return _answer(refused.as_json(), headers)
        except RateLimited as limited:
            self._slack.calls[f"{name}:ratelimited"] += 1
            return _rate_limited(limited.retry_after_s)

    def _authenticate(self, method: Method, token: str) -> tuple[str, ...]:
        """The scopes of the token.

        Raises:
            SlackError: why the token is not good for this method.
        """
        app = self._slack.app
        if not token:
            raise SlackError("not_authed")
        granted = self._slack.grants.holder(token)
        if granted is not None and method.token == "bot":  # noqa: S105  # a kind
            return tuple((granted["scope"] or "").replace(",", " ").split())
        if token not in (app.bot_token, app.app_token):
            raise SlackError("invalid_auth")
        if not app.installed:
            raise SlackError("account_inactive")
        if app.token_state != "valid":  # noqa: S105  # a state
            raise SlackError(f"token_{app.token_state}")
        if token != (app.bot_token if method.token == "bot" else app.app_token):  # noqa: S105  # a kind
            raise SlackError("not_allowed_token_type")
        return app.scopes if method.token == "bot" else ("connections:write",)  # noqa: S105  # a kind

    def _limit(self, name: str, method: Method, call: Call) -> None:
        scale = self._slack.app.limits_scale
        if scale == 0:
            return
        take = self._slack.buckets.take
        if name == "chat.postMessage":
            wait_s = take(f"post:{call.text('channel')}", scale, POST_BURST * max(1.0, scale))
            wait_s = wait_s or take(
                "post", WORKSPACE_POSTS_PER_MINUTE / 60 * scale, WORKSPACE_POSTS_PER_MINUTE * scale
            )
        else:
            per_minute = SPECIAL_PER_MINUTE if method.tier == "special" else TIERS_PER_MINUTE[method.tier]
            # Slack lets short bursts pass above the figure of a tier.
            wait_s = take(name, per_minute / 60 * scale, max(5.0, per_minute * scale))
        if wait_s:
            raise RateLimited(wait_s)


def _answer(body: Json, headers: dict[str, str] | None = None) -> Response:
    return Response(dumps(body), media_type="application/json; charset=utf-8", headers=headers)


def _rate_limited(retry_after_s: int) -> Response:
    body = dumps({"ok": False, "error": "ratelimited"})
    return Response(body, 429, {"Retry-After": str(retry_after_s)}, "application/json; charset=utf-8")


def _told_to_wait(details: Json) -> Response:
    return _rate_limited(int(details.get("retry_after", 1)))


def _refused(details: Json) -> Response:
    return _answer({"ok": False, "error": str(details.get("code", "internal_error"))})
