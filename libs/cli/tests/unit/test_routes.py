"""`oblivion routes`, without anything that runs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oblivion_cli.app import make_app
from oblivion_cli.errors import NotFound, UsageWrong

LINES = (
    '{"text": "remind me tomorrow to call the bank", "agent": "calendar", "kind": "plain"}\n'
    '{"text": "same again", "agent": "general", "kind": "followup"}\n'
)


@pytest.fixture
def _no_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OBLIVION_LLM_MODEL", raising=False)
    monkeypatch.delenv("OBLIVION_TENANT", raising=False)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(make_app(["routes"]), ["routes", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.usefixtures("_no_model")
def test_eval_prints_the_figures_for_machines(tmp_path: Path):
    file = tmp_path / "messages.jsonl"
    file.write_text(LINES)
    figures = json.loads(run("eval", str(file), "--json"))
    assert list(figures) == ["messages", "fast_path_share", "fast_path_accuracy", "accuracy", "by_kind"]
    assert figures["messages"] == 1
    assert figures["by_kind"]["plain"]["accuracy"] == 1.0
    assert set(figures["by_kind"]) == {"plain", "followup"}


@pytest.mark.usefixtures("_no_model")
def test_eval_prints_tables_for_people(tmp_path: Path):
    file = tmp_path / "messages.jsonl"
    file.write_text(LINES)
    shown = run("eval", str(file))
    assert "all but follow-ups" in shown
    assert "routed to" in shown


@pytest.mark.usefixtures("_no_model")
def test_try_says_who_and_why():
    found = json.loads(run("try", "remind me tomorrow to call the bank", "--json"))
    assert (found["agent"], found["stage"]) == ("calendar", "fast")
    assert found["candidates"]["calendar"] > 0.9


@pytest.mark.usefixtures("_no_model")
def test_try_knows_the_thread():
    found = json.loads(run("try", "same again", "--thread", "notion", "--json"))
    assert (found["agent"], found["stage"]) == ("notion", "thread")


@pytest.mark.usefixtures("_no_model")
def test_an_agent_that_does_not_exist_is_named():
    with pytest.raises(NotFound, match="nobody"):
        run("try", "same again", "--thread", "nobody")


def test_a_file_that_is_missing_or_wrong_is_one_sentence(tmp_path: Path):
    with pytest.raises(NotFound):
        run("eval", str(tmp_path / "none.jsonl"))
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("{}")
    with pytest.raises(UsageWrong, match="line 1"):
        run("eval", str(wrong))
