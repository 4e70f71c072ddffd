"""Whatever a sender signs is told apart or refused by one of the two errors that become a 400."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from oblivion_ingestion.domain.deliveries import Delivery, EventFacts, Secret
from oblivion_ingestion.errors import DeliveryMalformed, SignatureRejected
from oblivion_ingestion.sources import Claim, Source
from oblivion_ingestion.sources.clickup import ClickUpSource
from oblivion_ingestion.sources.slack import SlackSource
from oblivion_platform.safe_json import MalformedBody

NOW = 1_700_000_000.0
SLACK = {b"x-slack-request-timestamp": b"1700000000", b"x-slack-signature": b"v0=" + b"0" * 64}
CLICKUP = {b"x-signature": b"0" * 64}
FORM = {**SLACK, b"content-type": b"application/x-www-form-urlencoded"}
SECRET = Secret(b"s", UUID(int=1), UUID(int=2), "slack:A1:T1")

TEXT = st.text(max_size=8) | st.sampled_from(["", "A1", "T1", "C1", "1700000000.000100", "x" * 5_000])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def objects(*names: str, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields; one in ten is not of its kind, which is text unless it is known."""
    kinds = dict.fromkeys(names, TEXT) | known
    return st.fixed_dictionaries({}, optional={name: mostly(kind) for name, kind in kinds.items()})


def mostly(kind: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda drawn: kind if drawn else VALUES)


PLACES = objects("id", "channel", "ts", "thread_ts", "message_ts", "team_id")
MESSAGES = objects("ts", "thread_ts", "text", "user", edited=PLACES, attachments=VALUES)
EVENTS = objects(
    "channel",
    "ts",
    "thread_ts",
    "deleted_ts",
    "user",
    item=PLACES,
    edited=PLACES,
    type=st.sampled_from(["message", "app_mention", "reaction_added", "channel_rename"]),
    subtype=st.sampled_from(["message_changed", "message_deleted", "thread_broadcast", "channel_join"]),
    message=MESSAGES,
    previous_message=MESSAGES,
)
ENVELOPES = objects(
    "api_app_id",
    "team_id",
    "event_id",
    "challenge",
    "context_team_id",
    is_ext_shared_channel=st.booleans(),
    type=st.sampled_from(["event_callback", "url_verification"]),
    event=EVENTS,
    authorizations=st.lists(objects("team_id", "user_id", is_bot=st.booleans()), max_size=2),
)
INTERACTIONS = objects(
    "type",
    "trigger_id",
    channel=PLACES,
    message=MESSAGES,
    container=PLACES,
    view=objects("app_installed_team_id"),
    team=PLACES,
    user=PLACES,
)
COMMANDS = st.dictionaries(st.sampled_from(["command", "trigger_id", "api_app_id", "team_id"]), TEXT)
WEBHOOKS = st.builds(
    lambda body: {"webhook_id": "wh1", **body},
    objects("event", "task_id", "list_id", history_items=st.lists(objects("id", user=PLACES), max_size=3)),
)


def told(source: Source, body: bytes, headers: dict[bytes, bytes]) -> EventFacts | None:
    """None: it was refused, or is a handshake. Any other error would be a 5xx."""
    try:
        claim: Claim = source.read(Delivery(body, headers, None, NOW))
        return claim.facts(SECRET) if claim.reply is None else None
    except (DeliveryMalformed, MalformedBody, SignatureRejected):
        return None


def verify_bounded(facts: EventFacts | None) -> None:
    if facts is not None:
        assert facts.event_type
        assert 0 < len(facts.dedupe_key) <= 200
        assert 0 < len(facts.subject) <= 200


@settings(deadline=None)
@given(ENVELOPES)
def test_an_envelope_of_slack(envelope: dict[str, Any]) -> None:
    verify_bounded(told(SlackSource(), json.dumps(envelope).encode(), SLACK))


@settings(deadline=None)
@given(INTERACTIONS)
def test_an_interaction_of_slack(payload: dict[str, Any]) -> None:
    verify_bounded(told(SlackSource(), urlencode({"payload": json.dumps(payload)}).encode(), FORM))


@settings(deadline=None)
@given(COMMANDS)
def test_a_slash_command_of_slack(fields: dict[str, str]) -> None:
    verify_bounded(told(SlackSource(), urlencode(fields, errors="surrogatepass").encode(), FORM))


@settings(deadline=None)
@given(WEBHOOKS)
def test_a_webhook_of_clickup(payload: dict[str, Any]) -> None:
    verify_bounded(told(ClickUpSource(), json.dumps(payload).encode(), CLICKUP))


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([SLACK, FORM]))
def test_any_bytes(body: bytes, headers: dict[bytes, bytes]) -> None:
    verify_bounded(told(SlackSource(), body, headers))
    verify_bounded(told(ClickUpSource(), body, CLICKUP))
