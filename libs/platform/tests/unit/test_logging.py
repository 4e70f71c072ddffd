"""No secret and no body reaches a log line, however it is passed in; every library is bound."""

import io
import json
import logging
from collections.abc import Callable, Generator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from oblivion_platform.logging import configure_logging, get_logger, log_context
from oblivion_platform.redaction import REDACTED, Redactor
from oblivion_platform.settings import LogSettings

CANARY = "canary1234567890"
SECRETS = [
    f"xoxb-1-2-{CANARY}",
    f"xoxp-{CANARY}",
    f"xoxe.xoxp-1-{CANARY}",
    f"xoxe-1-{CANARY}",
    f"xapp-1-A1-{CANARY}",
    f"pk_123_{CANARY}",
    f"Bearer {CANARY}",
    f"Authorization: Basic {CANARY}==",
    f"postgresql://role:{CANARY}@db:5432/oblivion",
    f"redis://:{CANARY}@cache:6379/0",
    f"host=db password={CANARY} dbname=x",
    f"wss://wss-primary.slack.com/link/?ticket={CANARY}&app_id=1",
    f"https://hooks.slack.com/services/T1/B1/{CANARY}",
    f"input_value='{CANARY} and more', input_type=str",
    f"[SQL: INSERT …]\n[parameters: ('{CANARY}',\n 'x')]",
    f"duplicate key\nDETAIL:  Key (text)=({CANARY}) already exists.",
]


class Exposed(LogSettings):
    """Settings with a secret of no known shape."""

    odd: SecretStr = SecretStr(f"odd:{CANARY}")


@pytest.fixture
def lines() -> Generator[Callable[[], list[dict[str, Any]]]]:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    configure_logging(Exposed(log_level="debug"), service="test", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(False)
    structlog.reset_defaults()


Lines = Callable[[], list[dict[str, Any]]]


def test_a_line_carries_message_level_time_service_and_context(lines: Lines) -> None:
    with log_context(tenant="t-1", attempt=2):
        get_logger("here").info("event stored", bytes=12)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "event stored",
        "level": "info",
        "logger": "here",
        "service": "test",
        "tenant": "t-1",
        "attempt": 2,
        "bytes": 12,
    }


def test_the_context_ends_with_its_block(lines: Lines) -> None:
    with log_context(tenant="t-1"):
        pass
    get_logger("here").info("after")
    assert "tenant" not in lines()[0]


def test_the_standard_library_logs_through_the_same_door(lines: Lines) -> None:
    with log_context(tenant="t-1"):
        logging.getLogger("uvicorn.error").warning("lost %s connections", 3)
    (line,) = lines()
    assert (line["message"], line["level"], line["tenant"]) == ("lost 3 connections", "warning", "t-1")


@pytest.mark.parametrize("secret", SECRETS)
def test_no_known_shape_of_secret_gets_through(secret: str, lines: Lines) -> None:
    log = get_logger("here")
    log.info(f"said {secret} here", detail=secret, deep={"list": [{"value": secret}]}, raw=secret.encode())
    log.info("as key", **{secret: 1})
    logging.getLogger("library").error("library said %s", secret)
    with log_context(detail=secret):
        log.info("in context")
    try:
        try:
            raise ValueError(secret)
        except ValueError as error:
            raise RuntimeError(f"wrapped {secret}") from error
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("library").exception("failed too")
    assert len(lines()) == 6
    assert CANARY not in json.dumps(lines())


@pytest.mark.parametrize(
    "name",
    [
        *("token", "bot_token", "client_secret", "Authorization", "X-Signature", "x_slack_signature", "body"),
        *("raw_body", "password", "api_key", "master_key", "cookie", "set-cookie", "text", "payload"),
    ],
)
def test_a_field_named_like_a_secret_is_redacted_whatever_it_holds(name: str, lines: Lines) -> None:
    get_logger("here").info("said", **{name: CANARY, "headers": {name: [CANARY]}})
    (line,) = lines()
    assert CANARY not in json.dumps(line)
    assert line[name] == REDACTED


def test_sizes_and_verdicts_may_have_such_names(lines: Lines) -> None:
    get_logger("here").info("said", body_bytes=12, signature_matches=False)
    assert (lines()[0]["body_bytes"], lines()[0]["signature_matches"]) == (12, False)


def test_a_secret_of_the_settings_is_known_by_its_value(lines: Lines) -> None:
    get_logger("here").info("here it is: odd:canary1234567890!")
    assert lines()[0]["message"] == f"here it is: {REDACTED}!"


def test_a_validation_error_does_not_show_what_was_refused(lines: Lines) -> None:
    class Envelope(BaseModel):
        size: int

    try:
        Envelope.model_validate({"size": f"secret words of a person {CANARY}"})
    except ValueError:
        get_logger("here").exception("refused")
    assert CANARY not in json.dumps(lines())
    assert "Envelope" in lines()[0]["exception"]


class Leaky:
    """An object whose repr shows a secret."""

    def __repr__(self) -> str:
        return f"<Leaky xoxb-{CANARY}>"


def test_an_object_is_logged_as_redacted_text(lines: Lines) -> None:
    get_logger("here").info("object", thing=Leaky(), things=(Leaky(),))
    assert CANARY not in json.dumps(lines())


def test_the_console_is_redacted_too() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    try:
        configure_logging(LogSettings(log_format="console"), service="test", stream=stream)
        try:
            raise ValueError(f"xoxb-{CANARY}")
        except ValueError:
            get_logger("here").exception("failed", token=CANARY)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.raiseExceptions = raising
        logging.captureWarnings(False)
        structlog.reset_defaults()
    assert "failed" in stream.getvalue()
    assert CANARY not in stream.getvalue()


_plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_filler = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)


@given(data=_plain_data, secret=st.sampled_from(SECRETS), before=_filler, after=_filler)
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_canary_gets_through_however_it_is_wrapped(
    data: object, secret: str, before: str, after: str
) -> None:
    # A word character right before it would make it another word.
    said = f"{before} {secret} {after}"
    redacted = Redactor().value({"said": said, "data": [data, {"deep": (said,)}], said: "key"})
    assert CANARY not in json.dumps(redacted)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "://" * 300_000, "[parameters: " * 50_000, "Bearer " * 100_000]
)
def test_hostile_text_is_redacted_in_linear_time(text: str) -> None:
    assert len(Redactor().text(text)) < 100_000
