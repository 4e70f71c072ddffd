"""A process with wrong settings says which variable, why and what to do; never a value."""

from pathlib import Path
from typing import Self
from uuid import uuid4

import pytest
from pydantic import Field, SecretStr, ValidationError, model_validator

from oblivion_platform import settings_reference
from oblivion_platform.crypto import generate_key
from oblivion_platform.settings import (
    EXIT_BAD_SETTINGS,
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    MasterKeySettings,
    RedisSettings,
    ServiceUrl,
    SigningKeySettings,
    load,
    secrets_of,
)


class Example(
    DatabaseSettings, RedisSettings, MasterKeySettings, SigningKeySettings, LogSettings, HttpSettings
):
    """Everything at once."""

    slack_api_url: ServiceUrl = Field(default="https://slack.com/api/", description="Slack's Web API.")
    limits: dict[str, int] = Field(default_factory=dict, description="Limits by name, as JSON.")


GOOD = {
    "OBLIVION_DATABASE_URL": "postgresql://role:canary-pw@localhost:5432/oblivion",
    "OBLIVION_REDIS_URL": "redis://localhost:6379/0",
    "OBLIVION_MASTER_KEY": generate_key(),
    "OBLIVION_SIGNING_KEY": generate_key(),
}


@pytest.fixture(autouse=True)
def _good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def test_good_settings_load_and_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8311")
    settings = load(Example)
    assert settings.port == 8311
    assert settings.database_url.get_secret_value() == GOOD["OBLIVION_DATABASE_URL"]
    with pytest.raises(ValidationError):
        settings.port = 1


def test_settings_do_not_show_their_secrets() -> None:
    settings = load(Example)
    for value in GOOD.values():
        assert value not in repr(settings)
        assert value in secrets_of(settings)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("OBLIVION_DATABASE_URL", "", "OBLIVION_DATABASE_URL is not set"),
        (
            "OBLIVION_DATABASE_URL",
            "mysql://canary@h/d",
            "OBLIVION_DATABASE_URL is not a URL like postgresql://",
        ),
        (
            "OBLIVION_DATABASE_URL",
            "postgresql://h:canary/d",
            "OBLIVION_DATABASE_URL is not a URL like postgresql://",
        ),
        (
            "OBLIVION_DATABASE_URL",
            "postgresql://canary/",
            "OBLIVION_DATABASE_URL names no role or no database",
        ),
        ("OBLIVION_REDIS_URL", "localhost:canary", "OBLIVION_REDIS_URL is not a URL like redis://"),
        ("OBLIVION_MASTER_KEY", "Y2FuYXJ5", "OBLIVION_MASTER_KEY is 6 bytes long, not 32"),
        ("OBLIVION_MASTER_KEY", "", "OBLIVION_MASTER_KEY is not set"),
        ("OBLIVION_MASTER_KEYS_PREVIOUS", "canary!", "OBLIVION_MASTER_KEYS_PREVIOUS is not base64"),
        ("OBLIVION_SIGNING_KEY", "", "OBLIVION_SIGNING_KEY is not set"),
        ("OBLIVION_LOG_LEVEL", "canary", "OBLIVION_LOG_LEVEL is wrong: input should be 'debug', 'info'"),
        ("OBLIVION_SLACK_API_URL", "canary", "OBLIVION_SLACK_API_URL is not a URL like https://"),
        ("OBLIVION_LIMITS", "{canary", 'error parsing value for field "limits"'),
        ("PORT", "canary", "PORT is wrong: input should be a valid integer"),
        ("PORT", "70000", "PORT is wrong: input should be less than or equal to 65535"),
    ],
)
def test_a_fault_is_explained_without_its_value(
    variable: str,
    value: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as stopped:
        load(Example)
    said = capsys.readouterr().err
    assert stopped.value.code == EXIT_BAD_SETTINGS
    assert sentence in said
    assert "canary" not in said
    assert "docs/reference/settings.md" in said


def test_a_fault_of_several_settings_together_speaks_for_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Together(LogSettings):
        @model_validator(mode="after")
        def _refuse(self) -> Self:
            raise ValueError("OBLIVION_A and OBLIVION_B exclude each other")

    with pytest.raises(SystemExit):
        load(Together)
    assert "  - OBLIVION_A and OBLIVION_B exclude each other.\n" in capsys.readouterr().err


def test_every_process_of_the_workspace_is_in_the_reference() -> None:
    classes = settings_reference.installed()
    assert {"ingestion", "router-worker", "sandbox", "cli"} <= set(classes)
    undescribed = [
        f"{process}.{name}"
        for process, settings in classes.items()
        for name, field in settings.model_fields.items()
        if not field.description
    ]
    assert undescribed == []


def test_all_faults_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    with pytest.raises(SystemExit):
        load(Example)
    said = capsys.readouterr().err
    assert "4 setting(s) to mend" in said
    for name in GOOD:
        assert f"{name} is not set" in said


def test_key_rings_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    old = load(Example).master_key_ring()
    tenant_id = uuid4()
    wrapped = old.new_tenant_key(tenant_id)
    monkeypatch.setenv("OBLIVION_MASTER_KEYS_PREVIOUS", f"{generate_key()}, {GOOD['OBLIVION_MASTER_KEY']}")
    monkeypatch.setenv("OBLIVION_MASTER_KEY", generate_key())
    rotating = load(Example).master_key_ring()
    assert not rotating.is_current(wrapped)
    assert rotating.is_current(rotating.rewrap(tenant_id, wrapped))


def test_every_shared_setting_is_described() -> None:
    assert [name for name, field in Example.model_fields.items() if not field.description] == []


def test_the_reference_names_each_variable_its_default_and_its_choices() -> None:
    page = settings_reference.render({"example": Example})
    assert "## example" in page
    assert "| `OBLIVION_DATABASE_URL` | **required** |" in page
    assert "| `OBLIVION_LOG_LEVEL` | `info` |" in page
    assert "One of `debug`, `info`, `warning`, `error`." in page
    assert "| `PORT` | `8000` |" in page
    assert "| `OBLIVION_MASTER_KEYS_PREVIOUS` | none |" in page
    assert GOOD["OBLIVION_MASTER_KEY"] not in page


def test_check_tells_a_page_that_is_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "reference" / "settings.md"

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["settings_reference", *arguments, str(page)])
        return settings_reference.main()

    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    page.write_text(page.read_text() + "more")
    assert run("--check") == 1


def test_a_secret_is_never_printed_as_a_default() -> None:
    class Careless(LogSettings):
        key: SecretStr = Field(default=SecretStr("canary"), description="A key.")

    assert "canary" not in settings_reference.render({"careless": Careless})
