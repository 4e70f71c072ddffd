"""{verb} /qdrant/...: Qdrant's REST API, as far as its Python client's everyday calls go.

Source: https://api.qdrant.tech
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from oblivion_sandbox.control_routes import CommonControls
from oblivion_sandbox.json_values import as_object
from oblivion_sandbox.misbehave import Misbehaviour, spoil
from oblivion_sandbox.qdrant import operations as ops
from oblivion_sandbox.qdrant.engine import Engine
from oblivion_sandbox.qdrant.errors import QdrantError
from oblivion_sandbox.store import Json, Store, dumps

AT = "/qdrant"
VERSION = "1.20.0"
INDEXES = "qdrant.indexes"
_C = "/collections/{collection}"
ROUTES: tuple[tuple[str, str, ops.Operation], ...] = (
    ("GET", "/collections", ops.list_collections),
    ("GET", f"{_C}/exists", ops.collection_exists),
    ("PUT", _C, ops.create_collection),
    ("PUT", f"{_C}/points", ops.upsert),
    ("POST", f"{_C}/points", ops.retrieve),
    ("POST", f"{_C}/points/delete", ops.delete_points),
    ("POST", f"{_C}/points/scroll", ops.scroll),
    ("POST", f"{_C}/points/count", ops.count),
    ("POST", f"{_C}/points/query", ops.query),
    ("POST", f"{_C}/points/query/batch", ops.query_batch),
    ("POST", f"{_C}/points/query/groups", ops.query_groups),
    ("POST", f"{_C}/points/search", ops.search),
    ("POST", f"{_C}/points/payload", ops.set_payload),
    ("PUT", f"{_C}/points/payload", ops.overwrite_payload),
    ("POST", f"{_C}/points/payload/delete", ops.delete_payload),
    ("POST", f"{_C}/points/payload/clear", ops.clear_payload),
    ("GET", f"{_C}/points/{{point}}", ops.get_point),
)


class Qdrant:
    """The vector store: its collections, its payload indexes (kept as declared; search is exact anyway)."""

    def __init__(self, store: Store, misbehaviour: Misbehaviour, directory: Path) -> None:
        self.store = store
        self.misbehaviour = misbehaviour
        self.engine = Engine(directory)
        self.calls: Counter[str] = Counter()

    def reset(self) -> None:
        self.misbehaviour.clear("qdrant")
        self.calls.clear()
        self.store.save_setting(INDEXES, {})
        self.engine.forget()

    def indexes(self, collection: str) -> Json:
        return as_object((self.store.setting(INDEXES) or {}).get(collection))

    def save_indexes(self, collection: str, indexes: Json) -> None:
        self.store.save_setting(INDEXES, (self.store.setting(INDEXES) or {}) | {collection: indexes})


class QdrantRest:
    """The endpoints; any API key is accepted."""

    def __init__(self, qdrant: Qdrant) -> None:
        self._qdrant = qdrant

    def routes(self) -> list[Route]:
        known = [self._route(verb, path, operation) for verb, path, operation in ROUTES]
        return [
            *CommonControls("qdrant", self._qdrant).routes(),
            Route(AT, self._version),
            Route(f"{AT}/", self._version),
            *(Route(f"{AT}/{name}", _healthy) for name in ("healthz", "livez", "readyz")),
            self._handled("GET", _C, self._collection),
            self._handled("DELETE", _C, self._delete_collection),
            self._handled("PUT", f"{_C}/index", self._create_index),
            self._handled("DELETE", f"{_C}/index/{{field}}", self._delete_index),
            *known,
        ]

    async def _version(self, _request: Request) -> Response:
        return _json({"title": "qdrant - vector search engine", "version": VERSION, "commit": None})

    def _route(self, verb: str, path: str, operation: ops.Operation) -> Route:
        async def run(place: dict[str, str], body: Json) -> Any:
            return await self._qdrant.engine.run(lambda client: operation(client, place, body))

        return self._handled(verb, path, run)

    def _handled(self, verb: str, path: str, run: Callable[[dict[str, str], Json], Awaitable[Any]]) -> Route:
        """A route that reads JSON, counts, misbehaves on command, and wraps what comes out."""
        name = f"{verb} {path}"

        async def handle(request: Request) -> Response:
            started_s = time.monotonic()
            try:
                result = await run(request.path_params, await _body(request))
            except QdrantError as refused:
                self._qdrant.calls[f"{name}:{refused.status}"] += 1
                return _json(refused.as_json(), refused.status)
            except (ValueError, AssertionError) as refused:
                return _json(QdrantError(400, f"Wrong input: {refused}").as_json(), 400)
            return _json({"result": plain(result), "status": "ok", "time": time.monotonic() - started_s})

        async def endpoint(request: Request) -> Response:
            actual = f"{verb} {request.url.path.removeprefix(AT)}"
            rule = self._qdrant.misbehaviour.pick("qdrant", "call", name, actual, actual.partition(" ")[2])
            self._qdrant.calls[name] += 1
            return await spoil(rule, request, handle, {"rate_limited": _limited, "error": _refused})

        return Route(AT + path, endpoint, methods=[verb])

    async def _collection(self, place: dict[str, str], body: Json) -> Any:
        found = plain(await self._qdrant.engine.run(lambda client: ops.get_collection(client, place, body)))
        schema = {
            field: {"data_type": kind, "points": found.get("points_count") or 0}
            for field, kind in self._qdrant.indexes(place["collection"]).items()
        }
        return found | {"payload_schema": schema}

    async def _delete_collection(self, place: dict[str, str], body: Json) -> Any:
        self._qdrant.save_indexes(place["collection"], {})
        return await self._qdrant.engine.run(lambda client: ops.delete_collection(client, place, body))

    async def _create_index(self, place: dict[str, str], body: Json) -> Any:
        await self._collection(place, body)
        wanted = body.get("field_schema")
        kind = as_object(wanted).get("type") or wanted or "keyword"
        field = body.get("field_name")
        if not isinstance(field, str) or not field:
            raise QdrantError(400, "Format error in JSON body: missing field `field_name`")
        name = place["collection"]
        self._qdrant.save_indexes(name, self._qdrant.indexes(name) | {field: kind})
        return {"operation_id": 0, "status": "completed"}

    async def _delete_index(self, place: dict[str, str], body: Json) -> Any:
        await self._collection(place, body)
        indexes = self._qdrant.indexes(place["collection"])
        indexes.pop(place["field"], None)
        self._qdrant.save_indexes(place["collection"], indexes)
        return {"operation_id": 0, "status": "completed"}


async def _body(request: Request) -> Json:
    raw = await request.body()
    try:
        # Large batches of vectors are parsed off the loop.
        value: object = (
            await asyncio.to_thread(json.loads, raw) if len(raw) > 65_536 else json.loads(raw or b"{}")
        )
    except (ValueError, RecursionError):
        raise QdrantError(400, "Format error in JSON body: not valid JSON") from None
    return as_object(value)


def plain(value: Any) -> Any:
    """The library's models as JSON values."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _json(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dumps(body), status, headers, "application/json")


def _limited(details: Json) -> Response:
    seconds = str(details.get("retry_after", 1))
    return _json(QdrantError(429, "Rate limiting exceeded").as_json(), 429, {"Retry-After": seconds})


def _refused(details: Json) -> Response:
    status = int(details.get("status", 500))
    return _json(QdrantError(status, str(details.get("err", "Service internal error"))).as_json(), status)


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("healthz check passed")
