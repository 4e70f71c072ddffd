"""The reference agent at work with the sandbox's model over a real socket; the server is played in memory."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oblivion_agent.model import Models
from oblivion_agent.settings import ModelPrice, Settings
from oblivion_agent.squad import Squad as ReferenceSquad
from oblivion_client.testing import agent_under_test
from oblivion_contracts.runs import RunSource
from oblivion_contracts.sessions import SessionMessage
from oblivion_sandbox.testing import RunningSandbox, running_sandbox


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def settings(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OPENAI_API_KEY", "sandbox")
    return Settings(
        llm_model="openai:sandbox",
        llm_base_url=sandbox.llm_base_url,
        llm_prices={"openai:sandbox": ModelPrice(input=1_000_000, output=0)},
    )


def said(*texts: tuple[str, str]) -> list[SessionMessage]:
    return [
        SessionMessage(
            sequence=number,
            role="user",
            author=author,
            text=text,
            source=RunSource.SLACK,
            at=datetime.now(UTC),
        )
        for number, (author, text) in enumerate(texts, start=1)
    ]


def agent_of(settings: Settings) -> Any:
    return ReferenceSquad(settings, Models(settings), []).agent("general", "1.0")


async def test_a_thread_is_summarised_with_progress_usage_and_checkpoints(settings: Settings) -> None:
    thread = said(("Ada", "The export is broken since Monday."), ("Grace", "I restarted the worker."))
    async with agent_under_test(agent_of(settings)) as squad:
        outcome = await squad.give(
            "summarise", "summarise this thread", messages=thread, system_prompt="Be brief."
        )
    assert outcome.answer is not None, outcome.failure
    assert "The export is broken since Monday" in outcome.answer
    assert [report.text for report in outcome.progress] == ["reading the thread", "thinking"]
    assert outcome.usage.input_tokens > 0
    assert outcome.usage.cost_usd == outcome.usage.input_tokens
    assert len(outcome.checkpoints) >= 2
