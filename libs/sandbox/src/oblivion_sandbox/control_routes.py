"""Control endpoints that both stand-ins have: rules, deliveries, counted calls, reset.

They ask for no credentials: the sandbox is for one machine or a test cluster.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oblivion_sandbox.clickup.errors import ClickUpError
from oblivion_sandbox.deliveries import delivery_counts, delivery_rows
from oblivion_sandbox.misbehave import InvalidRule, Misbehaviour, Side
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json, Store, dumps

Control = Callable[[Request, Json], Awaitable[object]]


class Controlled(Protocol):
    """What a stand-in must have to be controlled."""

    store: Store
    misbehaviour: Misbehaviour
    calls: Counter[str]

    def reset(self) -> None:
        """Begin as at first start."""
        ...


def control(path: str, verb: str, handler: Control) -> Route:
    """A route that takes and gives JSON; a refusal is a 400 with its reason."""

    async def endpoint(request: Request) -> Response:
        # Without credentials, at least no other site's page may act here through someone's browser.
        if request.headers.get("sec-fetch-site") == "cross-site":
            return json_response({"error": "cross_site"}, 403)
        try:
            return json_response(await handler(request, await json_object(request)))
        except SlackError as refused:
            return json_response(refused.as_json(), 400)
        except ClickUpError as refused:
            return json_response(refused.as_json(), 400)
        except (InvalidRule, KeyError, ValueError, TypeError) as refused:
            return json_response({"error": "invalid_request", "detail": str(refused)}, 400)

    return Route(path, endpoint, methods=[verb])


async def json_object(request: Request) -> Json:
    body = await request.body()
    value: object = json.loads(body or b"{}")
    if not isinstance(value, dict):
        raise TypeError("the body must be an object")
    return cast("Json", value)


def json_response(body: object, status: int = 200) -> Response:
    return Response(dumps(body), status, media_type="application/json; charset=utf-8")


class CommonControls:
    """The shared endpoints of one side."""

    def __init__(self, side: Side, controlled: Controlled) -> None:
        self._side: Side = side
        self._controlled = controlled

    def routes(self) -> list[Route]:
        at = f"/{self._side}/control"
        return [
            control(f"{at}/rules", "GET", self._rules),
            control(f"{at}/rules", "POST", self._add_rule),
            control(f"{at}/rules", "DELETE", self._clear_rules),
            control(f"{at}/rules/{{rule:int}}", "DELETE", self._clear_rules),
            control(f"{at}/deliveries", "GET", self._deliveries),
            control(f"{at}/calls", "GET", self._calls),
            control(f"{at}/calls", "DELETE", self._clear_calls),
            control(f"{at}/reset", "POST", self._reset),
        ]

    async def _rules(self, _request: Request, _body: Json) -> object:
        return {"rules": self._controlled.misbehaviour.rules(self._side)}

    async def _add_rule(self, _request: Request, body: Json) -> object:
        return self._controlled.misbehaviour.add(self._side, body)

    async def _clear_rules(self, request: Request, _body: Json) -> object:
        self._controlled.misbehaviour.clear(self._side, request.path_params.get("rule"))
        return {}

    async def _deliveries(self, request: Request, _body: Json) -> object:
        state = request.query_params.get("state")
        limit = int(request.query_params.get("limit", "1000"))
        return {
            "counts": delivery_counts(self._controlled.store, self._side),
            "deliveries": delivery_rows(self._controlled.store, self._side, state, limit),
        }

    async def _calls(self, _request: Request, _body: Json) -> object:
        return {"calls": dict(self._controlled.calls)}

    async def _clear_calls(self, _request: Request, _body: Json) -> object:
        self._controlled.calls.clear()
        return {}

    async def _reset(self, _request: Request, _body: Json) -> object:
        self._controlled.reset()
        return {}
