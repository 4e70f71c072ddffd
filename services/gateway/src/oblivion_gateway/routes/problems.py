"""Which problems an operation can answer, for the API's description."""

from typing import Any

from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE, Problem

_MEANINGS = {
    400: "It can never be understood: no JSON, nested too deep, a character that cannot be stored.",
    401: "Not signed in, or the token is not valid any more.",
    403: "Your role does not allow it.",
    404: "Not there, or not yours.",
    408: "The body did not arrive within 10 s.",
    409: "What is there already is in the way.",
    413: "The body is larger than 1 MiB.",
    422: "Understood, and cannot be meant: `detail` names the fields.",
    429: "Too many requests; `Retry-After` says when to try again.",
    503: "A store that is needed does not answer; nothing was done. Try again after `Retry-After` seconds.",
}
PROBLEM_REFERENCE = {"$ref": "#/components/schemas/Problem"}
ALWAYS = (400, 401, 403, 408, 413, 422, 429, 503)

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """What FastAPI takes as `responses`."""
    content = {PROBLEM_MEDIA_TYPE: {"schema": PROBLEM_REFERENCE}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def add_problem_schema(description: dict[str, Any]) -> dict[str, Any]:
    """Define what `problems` refers to."""
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    return description
