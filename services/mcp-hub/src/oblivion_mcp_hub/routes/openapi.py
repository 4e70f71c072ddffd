"""`/connections` described as OpenAPI 3.1, from the very contracts that its routes take and answer.

The routes are Starlette's own, so nothing describes them by itself; a test compares them with this table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oblivion_contracts.connections import (
    Authorization,
    AuthorizationProgress,
    ConnectionChange,
    ConnectionHealth,
    Connections,
    ConnectionView,
    NewConnection,
    OfferedTools,
    PinTools,
    Providers,
)
from oblivion_contracts.model import Contract
from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE, Problem

DOCUMENT_PATH = "/connections/openapi.json"
_ONE = "/connections/{connection_id}"
_REF = "#/components/schemas/{model}"
_SECURITY = [{"bearer": list[str]()}, {"cookie": list[str]()}]
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "oblivion_session"},
}
_AT_ALL = {
    401: "Nobody said who they are, or the token or session is no longer good.",
    403: "The role does not allow it, or another site's page asked for it.",
    503: "Something that is needed is away. Retry-After says when to ask again.",
}
_NONE = {404: "The tenant has no such connection."}
_UNFIT = {422: "Understood, and cannot be meant: says what to change."}
_BODY = {
    400: "The body is no JSON object, or did not arrive whole.",
    413: "The body is too large.",
    **_UNFIT,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for."""

    id: str
    method: Literal["get", "post", "patch", "delete"]
    path: str
    summary: str
    answer: type[Contract] | None = None
    status: int = 200
    body: type[Contract] | None = None
    refusals: tuple[dict[int, str], ...] = ()


OPERATIONS = (
    Operation("list_connections", "get", "/connections", "Connections by name.", Connections),
    Operation(
        "create_connection",
        "post",
        "/connections",
        "Connect a tool server. Its secret is stored encrypted and never shown.",
        ConnectionView,
        201,
        NewConnection,
        (_BODY, {409: "A connection has that name."}),
    ),
    Operation("list_providers", "get", "/connections/providers", "What can be connected.", Providers),
    Operation("show_connection", "get", _ONE, "One connection.", ConnectionView, refusals=(_NONE,)),
    Operation(
        "change_connection",
        "patch",
        _ONE,
        "Change what is given; the rest stays.",
        ConnectionView,
        body=ConnectionChange,
        refusals=(_BODY, _NONE),
    ),
    Operation(
        "delete_connection",
        "delete",
        _ONE,
        "End it: its tools are gone and its secret is never used again.",
        status=204,
        refusals=(_NONE,),
    ),
    Operation(
        "test_connection",
        "post",
        f"{_ONE}/test",
        "Whether it can be reached, as whom and with which rights; what exactly is wrong otherwise.",
        ConnectionHealth,
        refusals=(_NONE,),
    ),
    Operation(
        "list_connection_tools",
        "get",
        f"{_ONE}/tools",
        "Its tools, and which are withheld and why.",
        OfferedTools,
        refusals=(_NONE,),
    ),
    Operation(
        "pin_connection_tools",
        "post",
        f"{_ONE}/pins",
        "Approve what its server says of these tools.",
        status=204,
        body=PinTools,
        refusals=(_BODY, _NONE, {409: "A tool is not what was looked at any more."}),
    ),
    Operation(
        "begin_sign_in",
        "post",
        f"{_ONE}/authorize",
        "Begin a sign-in: the address is for the browser of whoever agrees.",
        Authorization,
        201,
        refusals=(_NONE, _UNFIT),
    ),
    Operation(
        "show_sign_in",
        "get",
        f"{_ONE}/authorize/{{authorization_id}}",
        "How far a sign-in is.",
        AuthorizationProgress,
        refusals=(_NONE,),
    ),
)


def describe() -> dict[str, Any]:
    """The document."""
    names, schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Oblivion connections", "summary": "Tool servers of a tenant.", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


def document_route() -> Route:
    """Hands the document out to everybody: it holds nothing of anybody's."""
    document = describe()

    async def shown(_request: Request) -> Response:
        return JSONResponse(document)

    return Route(DOCUMENT_PATH, shown, methods=["GET"])


def _schemas() -> tuple[dict[type[Contract], Any], dict[str, Any]]:
    """Contract → reference to it, and what they refer to."""
    wanted: list[tuple[type[Contract], JsonSchemaMode]] = [(Problem, "serialization")]
    for operation in OPERATIONS:
        if operation.body is not None:
            wanted.append((operation.body, "validation"))
        if operation.answer is not None:
            wanted.append((operation.answer, "serialization"))
    found, definitions = models_json_schema(wanted, ref_template=_REF)
    references = {contract: reference for (contract, _mode), reference in found.items()}
    return {each: references[each] for each, _ in wanted}, definitions["$defs"]


def _operation(operation: Operation, names: dict[type[Contract], Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": ["connections"],
        "security": _SECURITY,
        "responses": _responses(operation, names),
    }
    if parameters := _parameters(operation.path):
        described["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": names[operation.body]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _responses(operation: Operation, names: dict[type[Contract], Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        done["content"] = {"application/json": {"schema": names[operation.answer]}}
    problem = {PROBLEM_MEDIA_TYPE: {"schema": names[Problem]}}
    refusals = {code: words for each in (_AT_ALL, *operation.refusals) for code, words in each.items()}
    return {
        str(operation.status): done,
        **{str(code): {"description": refusals[code], "content": problem} for code in sorted(refusals)},
    }


def _parameters(path: str) -> Sequence[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    schema = {"type": "string", "format": "uuid"}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]
