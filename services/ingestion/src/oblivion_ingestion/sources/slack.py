"""Slack's Events API, interactivity and slash commands, as Slack signs them.

`X-Slack-Signature` is `v0=` and the hex HMAC-SHA256 of `v0:{timestamp}:{raw body}`; the app's secret is found
by app and team of the unverified body. A genuine delivery of a team that is not connected is recognised by
the secrets of the same app. Source: https://docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from oblivion_ingestion.domain.deliveries import Delivery, EventFacts, Secret, SecretKey
from oblivion_ingestion.domain.shape import JsonObject, object_at, objects_at, text_at
from oblivion_ingestion.domain.signatures import HmacProof, timestamp_is_fresh
from oblivion_ingestion.domain.slack import event_facts, interaction_facts, slash_command_facts
from oblivion_ingestion.errors import DeliveryMalformed, SignatureRejected
from oblivion_platform.safe_json import parse_json_object

NAME = "slack"
SIGNATURE_CHARS = len("v0=") + 64
ID_MAX_CHARS = 32
FORM_MAX_FIELDS = 64
FORM = b"application/x-www-form-urlencoded"

Describe = Callable[[str], EventFacts]
"""From the team in which the app is installed to the facts of one payload."""


class Keys(NamedTuple):
    """See `Claim.keys` and `Claim.witnesses`."""

    keys: tuple[SecretKey, ...]
    witnesses: tuple[SecretKey, ...]


class Content(NamedTuple):
    """What an unverified body says."""

    app: str
    teams: Sequence[str]
    """The team in which the app is installed; where that is unsure, the likeliest first."""
    describe: Describe
    reply: bytes | None = None


class SlackClaim:
    """A body that names its app and team, or at least comes by an integration's own path."""

    __slots__ = ("_describe", "keys", "proof", "reply", "witnesses")

    def __init__(self, keys: Keys, proof: HmacProof, content: Content) -> None:
        self.keys, self.witnesses = keys
        self.proof = proof
        self.reply = content.reply
        self._describe = content.describe

    def facts(self, secret: Secret) -> EventFacts:
        """See `Claim.facts`."""
        return self._describe(team_of(secret))


def team_of(secret: Secret) -> str:
    """The team a secret is stored under; events of a channel shared with a company may name another."""
    return secret.lookup_key.rpartition(":")[2]


class SlackSource:
    """`/webhooks/slack`, and the same with an integration's id for bodies that name no team."""

    name = NAME

    def read(self, delivery: Delivery) -> SlackClaim:
        """See `Source.read`."""
        headers, body = delivery.headers, delivery.body
        timestamp = headers.get(b"x-slack-request-timestamp", b"")
        signature = headers.get(b"x-slack-signature", b"")
        if not signature or not timestamp:
            raise SignatureRejected("signature_missing")
        if len(signature) != SIGNATURE_CHARS or not signature.startswith(b"v0="):
            raise SignatureRejected("signature_misshapen")
        if not timestamp_is_fresh(timestamp, delivery.received_unix_s):
            raise SignatureRejected("timestamp_not_fresh")
        proof = HmacProof(b"v0:%b:%b" % (timestamp, body), signature[3:])
        content = read_content(body, headers.get(b"content-type", b""))
        return SlackClaim(_keys(delivery, content), proof, content)


def read_content(body: bytes, content_type: bytes) -> Content:
    """Read an Events API envelope, an interaction or a slash command.

    Raises:
        DeliveryMalformed, MalformedBody: it is none of them.
    """
    if content_type.startswith(FORM):
        return _form_content(body)
    envelope = parse_json_object(body)
    reply = _challenge(envelope) if text_at(envelope, "type") == "url_verification" else None
    return Content(
        text_at(envelope, "api_app_id"),
        _teams_of_event(envelope),
        partial(event_facts, envelope, body),
        reply,
    )


def body_from_socket(kind: str, payload: JsonObject) -> tuple[bytes, str]:
    """Body and content type that the same payload would have had by HTTP.

    Raises:
        DeliveryMalformed: a kind of envelope that HTTP does not know.
    """
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    if kind == "interactive":
        return urlencode({"payload": json.dumps(payload)}).encode(), FORM.decode()
    if kind == "slash_commands":
        return urlencode({name: text_at(payload, name) for name in payload}).encode(), FORM.decode()
    raise DeliveryMalformed("unknown_envelope")


def _form_content(body: bytes) -> Content:
    fields = _form_fields(body)
    if "payload" not in fields:
        app, teams = text_at(fields, "api_app_id"), [text_at(fields, "team_id")]
        return Content(app, teams, partial(slash_command_facts, fields, body))
    payload = parse_json_object(text_at(fields, "payload").encode())
    app, teams = text_at(payload, "api_app_id"), _teams_of_interaction(payload)
    return Content(app, teams, partial(interaction_facts, payload, body))


def _keys(delivery: Delivery, content: Content) -> Keys:
    """What a body names goes before the path: one request URL serves an app in all its teams."""
    # Cut first: what is invented must not fill the cache below with megabytes.
    app, teams = content.app[: ID_MAX_CHARS + 1], [team[:ID_MAX_CHARS] for team in content.teams if team]
    by_path, by_app = _integration_key(delivery), _app_key(app)
    if content.reply is not None or not teams:
        # A handshake names no team: any secret of the app, or of the path's integration, proves it.
        return Keys((*by_path, *by_app), ())
    by_team = tuple(_lookup_key(app, team) for team in teams) if by_app else ()
    return Keys(by_team, (*by_path, *by_app))


@lru_cache(maxsize=10_000)
def _lookup_key(app: str, team: str) -> SecretKey:
    return SecretKey("lookup", NAME, f"{NAME}:{app}:{team}")


def _integration_key(delivery: Delivery) -> tuple[SecretKey, ...]:
    if delivery.integration_id is None:
        return ()
    return (SecretKey("integration", NAME, str(delivery.integration_id)),)


@lru_cache(maxsize=1_000)
def _app_key(app: str) -> tuple[SecretKey, ...]:
    # Letters and digits only: the lookup matches a prefix, which must hold no wildcard.
    named = 0 < len(app) <= ID_MAX_CHARS and app.isascii() and app.isalnum()
    return (SecretKey("slack_app", NAME, app),) if named else ()


def _teams_of_event(envelope: JsonObject) -> list[str]:
    """The team that installed the app.

    `team_id` says it, except perhaps in a channel that is shared with another company: there
    `authorizations` and `context_team_id` name ours.
    """
    teams = [text_at(envelope, "team_id")]
    if envelope.get("is_ext_shared_channel") is True or not teams[0]:
        installed_in = [text_at(item, "team_id") for item in objects_at(envelope, "authorizations")[:1]]
        teams += [*installed_in, text_at(envelope, "context_team_id")]
    return teams


def _teams_of_interaction(payload: JsonObject) -> list[str]:
    installed_in = text_at(object_at(payload, "view"), "app_installed_team_id")
    return [
        installed_in
        or text_at(object_at(payload, "team"), "id")
        or text_at(object_at(payload, "user"), "team_id")
    ]


def _challenge(envelope: JsonObject) -> bytes:
    challenge = text_at(envelope, "challenge")
    if not challenge:
        raise DeliveryMalformed("challenge_missing")
    return json.dumps({"challenge": challenge}).encode()


def _form_fields(body: bytes) -> JsonObject:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FORM_MAX_FIELDS
        )
    except ValueError:
        raise DeliveryMalformed("not_a_form") from None
    fields: JsonObject = dict(pairs)
    if len(fields) != len(pairs):
        raise DeliveryMalformed("duplicate_key")
    if not fields or "\x00" in "".join(fields.values()):
        raise DeliveryMalformed("not_a_form")
    return fields
