"""What each endpoint does with the client: a body read by the library's own models, its answer as JSON."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from oblivion_sandbox.json_values import as_list, as_object
from oblivion_sandbox.qdrant.errors import QdrantError, no_such_collection
from oblivion_sandbox.store import Json

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Operation = Callable[["QdrantClient", dict[str, str], Json], Any]
Model = TypeVar("Model")


def parsed(kind: type[Model], value: object) -> Model:
    """A part of a body as the library's own type, which may be a union.

    Raises:
        QdrantError: 400; the value has another shape.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
        raise QdrantError(400, f"Format error in JSON body: {faults}") from None


def _models() -> Any:
    from qdrant_client import models

    return models


def _name(client: "QdrantClient", path: dict[str, str]) -> str:
    """The collection of a path, which must be there."""
    name = path["collection"]
    if not client.collection_exists(name):
        raise no_such_collection(name)
    return name


# Collections


def list_collections(client: "QdrantClient", _path: dict[str, str], _body: Json) -> Any:
    return client.get_collections()


def get_collection(client: "QdrantClient", path: dict[str, str], _body: Json) -> Any:
    return client.get_collection(_name(client, path))


def collection_exists(client: "QdrantClient", path: dict[str, str], _body: Json) -> Any:
    return {"exists": client.collection_exists(path["collection"])}


def create_collection(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    name, models = path["collection"], _models()
    if client.collection_exists(name):
        raise QdrantError(409, f"Wrong input: Collection `{name}` already exists!")
    wanted = parsed(models.CreateCollection, body)
    return client.create_collection(
        name,
        vectors_config=wanted.vectors,
        sparse_vectors_config=wanted.sparse_vectors,
        metadata=wanted.metadata,
    )


def delete_collection(client: "QdrantClient", path: dict[str, str], _body: Json) -> Any:
    return client.collection_exists(path["collection"]) and client.delete_collection(path["collection"])


# Points


def upsert(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().PointInsertOperations, body)
    points = wanted.batch if hasattr(wanted, "batch") else wanted.points
    return client.upsert(_name(client, path), points, update_filter=wanted.update_filter)


def retrieve(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().PointRequest, body)
    return client.retrieve(
        _name(client, path),
        wanted.ids,
        with_payload=True if wanted.with_payload is None else wanted.with_payload,
        with_vectors=wanted.with_vector or False,
    )


def get_point(client: "QdrantClient", path: dict[str, str], _body: Json) -> Any:
    point = path["point"]
    found = client.retrieve(
        _name(client, path), [int(point) if point.isdigit() else point], with_vectors=True
    )
    if not found:
        raise QdrantError(404, f"Not found: Point with id {point} does not exists!")
    return found[0]


def delete_points(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    return client.delete(_name(client, path), _selector(body))


def scroll(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().ScrollRequest, body)
    points, following = client.scroll(
        _name(client, path),
        scroll_filter=wanted.filter,
        limit=10 if wanted.limit is None else wanted.limit,
        order_by=wanted.order_by,
        offset=wanted.offset,
        with_payload=True if wanted.with_payload is None else wanted.with_payload,
        with_vectors=wanted.with_vector or False,
    )
    return {"points": points, "next_page_offset": following}


def count(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().CountRequest, body)
    return client.count(_name(client, path), count_filter=wanted.filter)


def query(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    return _queried(client, _name(client, path), body)


def query_batch(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    name = _name(client, path)
    return [_queried(client, name, as_object(each)) for each in as_list(body.get("searches"))]


def _queried(client: "QdrantClient", name: str, body: Json) -> Any:
    wanted: Any = parsed(_models().QueryRequest, body)
    return client.query_points(
        name,
        query=wanted.query,
        using=wanted.using,
        prefetch=wanted.prefetch,
        query_filter=wanted.filter,
        search_params=wanted.params,
        limit=10 if wanted.limit is None else wanted.limit,
        offset=wanted.offset,
        with_payload=wanted.with_payload or False,
        with_vectors=wanted.with_vector or False,
        score_threshold=wanted.score_threshold,
    )


def search(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    """The older endpoint, which answers with the bare list."""
    vector = body.get("vector")
    named = as_object(vector)
    asked: Json = {key: value for key, value in body.items() if key != "vector"}
    asked |= {"query": named.get("vector", vector), "using": named.get("name")}
    return _queried(client, _name(client, path), asked).points


def query_groups(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().QueryGroupsRequest, body)
    return client.query_points_groups(
        _name(client, path),
        group_by=wanted.group_by,
        query=wanted.query,
        using=wanted.using,
        prefetch=wanted.prefetch,
        query_filter=wanted.filter,
        limit=10 if wanted.limit is None else wanted.limit,
        group_size=3 if wanted.group_size is None else wanted.group_size,
        with_payload=True if wanted.with_payload is None else wanted.with_payload,
        with_vectors=wanted.with_vector or False,
        score_threshold=wanted.score_threshold,
    )


# Payloads


def set_payload(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().SetPayload, body)
    return client.set_payload(_name(client, path), wanted.payload, _selector(body), key=wanted.key)


def overwrite_payload(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().SetPayload, body)
    return client.overwrite_payload(_name(client, path), wanted.payload, _selector(body))


def delete_payload(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    wanted: Any = parsed(_models().DeletePayload, body)
    return client.delete_payload(_name(client, path), wanted.keys, _selector(body))


def clear_payload(client: "QdrantClient", path: dict[str, str], body: Json) -> Any:
    return client.clear_payload(_name(client, path), _selector(body))


def _selector(body: Json) -> Any:
    """Which points a change is for: those named, or those that a filter finds."""
    chosen = {name: body[name] for name in ("points", "filter") if body.get(name) is not None}
    return parsed(cast("type[Any]", _models().PointsSelector), chosen)
