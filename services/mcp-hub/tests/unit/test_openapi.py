"""The description of `/connections` against the routes that serve it."""

from typing import Any, cast

from starlette.routing import Route

from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE
from oblivion_mcp_hub.routes.connections import ConnectionRoutes
from oblivion_mcp_hub.routes.openapi import describe

NOBODY = cast("Any", None)


def served() -> set[tuple[str, str]]:
    routes = ConnectionRoutes(NOBODY, NOBODY, NOBODY, frozenset()).routes()
    return {
        (route.path, method.lower())
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or ()) - {"HEAD"}
    }


def test_what_is_served_is_described_and_nothing_else():
    paths = describe()["paths"]
    assert {(path, method) for path, operations in paths.items() for method in operations} == served()


def test_every_refusal_is_a_problem():
    responses = [
        (code, response)
        for operations in describe()["paths"].values()
        for operation in operations.values()
        for code, response in operation["responses"].items()
    ]
    refusals = [response for code, response in responses if code >= "400"]
    assert len(refusals) > len(responses) / 2
    assert all(response["content"].keys() == {PROBLEM_MEDIA_TYPE} for response in refusals)


def references(part: Any) -> set[str]:
    if isinstance(part, list):
        return set[str]().union(*map(references, cast("list[Any]", part)))
    if not isinstance(part, dict):
        return set()
    known = cast("dict[str, Any]", part)
    own = {known["$ref"]} if "$ref" in known else set[str]()
    return own.union(*map(references, known.values()))


def test_every_reference_leads_somewhere():
    document = describe()
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) == known


def test_a_secret_is_taken_and_never_told():
    schemas = describe()["components"]["schemas"]
    assert "secret" in schemas["NewConnection"]["properties"]
    told = ("ConnectionView", "Connections", "ConnectionHealth", "Authorization", "OfferedTools")
    assert not [name for name in told if "secret" in schemas[name]["properties"]]
