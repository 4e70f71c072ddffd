"""What an admin reads of an event's body."""

import json
from urllib.parse import urlencode

import pytest

from oblivion_gateway.domain.masking import DEPTH_MAX, LENGTH_MAX, masked

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def test_what_people_wrote_stays_and_what_opens_doors_does_not():
    body = {
        "token": "verification-of-old",
        "event": {"text": "hello xoxb-canary-1", "user": "U1", "blocks": [{"client_secret": "abc"}]},
        "authorizations": [{"user_id": "U2"}],
    }
    shown = masked(json.dumps(body).encode(), JSON)
    assert "hello" in shown
    assert '"user": "U1"' in shown
    for hidden in ("verification-of-old", "canary", "abc"):
        assert hidden not in shown


def test_a_form_s_payload_is_read_too():
    payload = {"trigger_id": "T-canary", "response_url": "https://hooks/canary", "user": {"name": "you"}}
    shown = masked(urlencode({"payload": json.dumps(payload), "token": "canary"}).encode(), FORM)
    assert "you" in shown
    assert "canary" not in shown


@pytest.mark.parametrize("body", [b"no json pk_canary_1", b"\xff\xfe pk_canary_1", b'"pk_canary_1"'])
def test_what_is_no_json_is_text_without_secrets(body: bytes):
    assert "canary" not in masked(body, JSON)


def test_hostile_bodies_are_cut_and_not_followed_down():
    deep = b'{"a":' * (DEPTH_MAX * 2) + b"1" + b"}" * (DEPTH_MAX * 2)
    assert "[redacted]" in masked(deep, JSON)
    assert masked(b"[" * 100_000, JSON)
    many = json.dumps(["word " * 1_000] * 100).encode()
    assert len(masked(many, JSON)) < LENGTH_MAX + 100
