"""Which secrets could prove a Slack delivery."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest

from oblivion_ingestion.domain.deliveries import Delivery, Secret, SecretKey
from oblivion_ingestion.errors import DeliveryMalformed, SignatureRejected
from oblivion_ingestion.sources.slack import SlackClaim, SlackSource, body_from_socket
from oblivion_platform.safe_json import MalformedBody

NOW = 1_700_000_000.0
INTEGRATION = UUID(int=7)
BY_TEAM = SecretKey("lookup", "slack", "slack:A1:T1")
BY_APP = SecretKey("slack_app", "slack", "A1")
BY_PATH = SecretKey("integration", "slack", str(INTEGRATION))


def claim_of(
    body: bytes,
    *,
    content_type: bytes = b"application/json",
    integration: UUID | None = None,
    **headers: bytes,
) -> SlackClaim:
    sent = {
        b"content-type": content_type,
        b"x-slack-request-timestamp": b"1700000000",
        b"x-slack-signature": b"v0=" + b"0" * 64,
    }
    sent |= {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return SlackSource().read(Delivery(body, sent, integration, NOW))


def event(**fields: Any) -> bytes:
    return json.dumps({"type": "event_callback", "api_app_id": "A1", **fields}).encode()


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


FORM = b"application/x-www-form-urlencoded"


def test_app_and_team_of_the_body_name_the_secret_and_the_app_is_witness() -> None:
    claim = claim_of(event(team_id="T1"))
    assert (claim.keys, claim.witnesses) == ((BY_TEAM,), (BY_APP,))


def test_the_body_goes_before_the_path_since_one_url_serves_an_app_in_all_its_teams() -> None:
    claim = claim_of(event(team_id="T1"), integration=INTEGRATION)
    assert (claim.keys, claim.witnesses) == ((BY_TEAM,), (BY_PATH, BY_APP))


def test_a_body_without_team_is_found_by_its_authorization() -> None:
    assert claim_of(event(authorizations=[{"team_id": "T1"}])).keys == (BY_TEAM,)


def test_a_body_without_any_team_is_found_by_path_then_by_app() -> None:
    assert claim_of(event(), integration=INTEGRATION).keys == (BY_PATH, BY_APP)


def test_in_a_shared_channel_our_team_is_tried_beside_the_one_named() -> None:
    claim = claim_of(event(team_id="TOTHER", is_ext_shared_channel=True, authorizations=[{"team_id": "T1"}]))
    assert claim.keys == (SecretKey("lookup", "slack", "slack:A1:TOTHER"), BY_TEAM)


def test_elsewhere_the_team_named_is_the_only_one() -> None:
    claim = claim_of(event(team_id="TOTHER", authorizations=[{"team_id": "T1"}]))
    assert claim.keys == (SecretKey("lookup", "slack", "slack:A1:TOTHER"),)


@pytest.mark.parametrize("app", ["A%", "A1:T1", "A_", "", "A" * 40, "Ä1"])
def test_an_app_id_with_other_than_letters_and_digits_finds_no_secret(app: str) -> None:
    claim = claim_of(event(api_app_id=app, team_id="T1"))
    assert claim.keys == ()
    assert claim.witnesses == ()


def test_the_handshake_is_proven_by_any_secret_of_path_or_app() -> None:
    body = event(type="url_verification", challenge="c")
    assert claim_of(body, integration=INTEGRATION).keys == (BY_PATH, BY_APP)
    assert claim_of(body).reply == b'{"challenge": "c"}'


def test_a_handshake_without_app_and_path_is_found_nowhere() -> None:
    assert claim_of(b'{"type":"url_verification","challenge":"c"}').keys == ()


def test_an_interaction_names_its_team_inside_the_payload() -> None:
    payload = json.dumps({"type": "block_actions", "api_app_id": "A1", "team": {"id": "T1"}})
    claim = claim_of(form(payload=payload), content_type=FORM)
    assert claim.keys == (BY_TEAM,)


def test_a_modal_from_a_shared_channel_names_the_team_that_installed_the_app() -> None:
    payload = json.dumps(
        {"api_app_id": "A1", "team": {"id": "TOTHER"}, "view": {"app_installed_team_id": "T1"}}
    )
    assert claim_of(form(payload=payload), content_type=FORM + b"; charset=utf-8").keys == (BY_TEAM,)


def test_a_slash_command_names_its_team_in_its_fields() -> None:
    claim = claim_of(form(command="/o", api_app_id="A1", team_id="T1"), content_type=FORM)
    assert claim.keys == (BY_TEAM,)


def test_the_dedupe_key_has_the_team_of_the_secret_also_when_the_body_names_another() -> None:
    body = event(team_id="TOTHER", event={"type": "message", "channel": "C1", "ts": "1.2"})
    secret = Secret(b"s", UUID(int=1), INTEGRATION, "slack:A1:T1")
    assert claim_of(body).facts(secret).dedupe_key == "T1:C1:1.2"


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("x_slack_signature", b"", "signature_missing"),
        ("x_slack_request_timestamp", b"", "signature_missing"),
        ("x_slack_signature", b"v0=" + b"0" * 63, "signature_misshapen"),
        ("x_slack_signature", b"v1=" + b"0" * 64, "signature_misshapen"),
        ("x_slack_request_timestamp", b"1699999000", "timestamp_not_fresh"),
        ("x_slack_request_timestamp", b"nan", "timestamp_not_fresh"),
    ],
)
def test_without_a_fresh_signature_the_body_is_not_parsed(header: str, value: bytes, reason: str) -> None:
    with pytest.raises(SignatureRejected) as rejected:
        claim_of(b"not json at all", **{header: value})
    assert rejected.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"a":1,"a":2}', b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        claim_of(body)


@pytest.mark.parametrize(
    "body", [b"", b"payload", b"\xff=1", b"a=%ff", b"payload=%00", b"a=1&a=2", b"&".join([b"a=1"] * 100)]
)
def test_a_form_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises((DeliveryMalformed, MalformedBody)):
        claim_of(body, content_type=FORM)


@pytest.mark.parametrize("fields", [{"team_id": 5}, {"api_app_id": []}, {"type": 1}, {"authorizations": {}}])
def test_a_field_of_the_wrong_type_is_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(DeliveryMalformed):
        claim_of(event(**fields))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (
            "events_api",
            {"api_app_id": "A1", "team_id": "T1", "event": {"type": "message", "text": "ü & <x>"}},
        ),
        ("interactive", {"api_app_id": "A1", "team": {"id": "T1"}, "type": "block_actions"}),
        ("slash_commands", {"api_app_id": "A1", "team_id": "T1", "command": "/o", "text": "a b&c"}),
    ],
)
def test_a_payload_from_a_socket_reads_as_if_it_had_come_by_http(kind: str, payload: dict[str, Any]) -> None:
    body, content_type = body_from_socket(kind, payload)
    assert claim_of(body, content_type=content_type.encode()).keys == (BY_TEAM,)
