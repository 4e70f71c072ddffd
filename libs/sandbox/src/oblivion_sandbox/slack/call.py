"""One Web API call: its arguments from JSON, form or query, and who makes it."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json

if TYPE_CHECKING:
    from oblivion_sandbox.slack.service import Slack

# Arguments that a form carries as JSON text.
_JSON_ARGUMENTS = (
    "blocks",
    "attachments",
    "metadata",
    "chunks",
    "view",
    "prompts",
    "loading_messages",
    "files",
)

_UNREADABLE = {
    "files": "invalid_arguments",
    "chunks": "invalid_chunks",
    "prompts": "invalid_arguments",
    "loading_messages": "invalid_arguments",
}


@dataclass(frozen=True)
class Call:
    """The arguments of a call and the workspace it is made on."""

    slack: "Slack"
    arguments: Json
    base_url: str

    def text(self, name: str, default: str = "") -> str:
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        """An argument that must be there.

        Raises:
            SlackError: with `error`, as each method words it.
        """
        value = self.text(name)
        if not value:
            raise SlackError(error)
        return value

    def flag(self, name: str) -> bool:
        value = self.arguments.get(name)
        return value is True or (isinstance(value, str) and value.lower() in ("1", "true"))

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number between 1 and `most`.

        Raises:
            SlackError: invalid_limit.
        """
        try:
            value = int(self.text(name, str(default)))
        except ValueError:
            raise SlackError("invalid_limit") from None
        if value < 1:
            raise SlackError("invalid_limit")
        return min(value, most)

    def parsed(self, name: str) -> Any:
        return self.arguments.get(name)


async def read_arguments(request: Request) -> Json:
    """All arguments of a call.

    Raises:
        SlackError: invalid_json, json_not_object or invalid_form_data.
    """
    arguments: Json = _decoded(dict(request.query_params))
    body = await request.body()
    if not body:
        return arguments
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return arguments | _json_object(body)
    if kind == "multipart/form-data":
        async with request.form() as form:
            return _decoded(
                arguments | {name: value for name, value in form.items() if isinstance(value, str)}
            )
    try:
        return _decoded(arguments | dict(parse_qsl(body.decode(), keep_blank_values=True)))
    except UnicodeDecodeError:
        raise SlackError("invalid_form_data") from None


def _json_object(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise SlackError("invalid_json") from None
    if not isinstance(value, dict):
        raise SlackError("json_not_object")
    return _decoded(value)  # pyright: ignore[reportUnknownArgumentType]


def _decoded(arguments: Json) -> Json:
    for name in _JSON_ARGUMENTS:
        value = arguments.get(name)
        if isinstance(value, str) and value:
            try:
                arguments[name] = json.loads(value)
            except (ValueError, RecursionError):
                raise SlackError(_UNREADABLE.get(name, f"invalid_{name}_format")) from None
    return arguments


def bearer_token(request: Request, arguments: Json) -> str:
    """The token of a call: from the header, else from the arguments; empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else str(arguments.get("token") or "")
