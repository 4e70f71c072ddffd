from pathlib import Path

import pytest
from pydantic import ValidationError

from oblivion_sandbox.limits import MinuteWindows, TokenBuckets
from oblivion_sandbox.misbehave import InvalidRule, Misbehaviour
from oblivion_sandbox.settings import SandboxSettings
from oblivion_sandbox.store import Store


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path / "sandbox.db")
    yield store
    store.close()


def test_a_bucket_allows_its_burst_and_then_tells_the_wait():
    buckets = TokenBuckets()
    taken = [buckets.take("k", per_s=0.1, burst=3) for _ in range(4)]
    assert taken[:3] == [0, 0, 0]
    assert 9 <= taken[3] <= 10
    assert buckets.take("other", per_s=0.1, burst=3) == 0


def test_a_window_counts_down_to_nothing_and_names_its_end():
    windows = MinuteWindows()
    remaining = [windows.take("t", 2) for _ in range(3)]
    assert [allowance.remaining for allowance in remaining] == [1, 0, 0]
    assert [allowance.exceeded for allowance in remaining] == [False, False, True]
    assert len({allowance.reset_s for allowance in remaining}) == 1


def test_a_rule_applies_as_often_as_it_says(store: Store):
    misbehaviour = Misbehaviour(store)
    misbehaviour.add("slack", {"match": "chat.*", "action": "slow", "times": 2})
    picked = [misbehaviour.pick("slack", "call", "chat.update") for _ in range(3)]
    assert [rule is not None for rule in picked] == [True, True, False]
    assert misbehaviour.pick("clickup", "call", "chat.update") is None
    assert misbehaviour.pick("slack", "delivery", "chat.update") is None


def test_chance_is_the_same_for_the_same_seed(store: Store):
    def drawn() -> list[bool]:
        misbehaviour.clear("slack")
        misbehaviour.add("slack", {"action": "error", "probability": 0.5, "seed": 7})
        return [misbehaviour.pick("slack", "call", "x") is not None for _ in range(50)]

    misbehaviour = Misbehaviour(store)
    first = drawn()
    assert drawn() == first
    assert 10 < sum(first) < 40


def test_rules_outlive_a_restart_with_what_they_have_left(store: Store):
    misbehaviour = Misbehaviour(store)
    misbehaviour.add("clickup", {"match": "POST *", "action": "cut_after", "times": 2})
    misbehaviour.pick("clickup", "call", "POST /task")
    again = Misbehaviour(store)
    assert again.pick("clickup", "call", "POST /task") is not None
    assert again.pick("clickup", "call", "POST /task") is None


def test_an_unknown_action_is_refused(store: Store):
    with pytest.raises(InvalidRule):
        Misbehaviour(store).add("slack", {"action": "explode"})


def test_a_failed_transaction_leaves_nothing(store: Store):
    def fail() -> None:
        with store.write():
            store.run("INSERT INTO settings VALUES ('a', '{}')")
            with store.write():
                store.run("INSERT INTO settings VALUES ('b', '{}')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.count("SELECT count(*) FROM settings") == 0


def test_production_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OBLIVION_ENVIRONMENT", "production")
    with pytest.raises(ValidationError, match="OBLIVION_SLACK_API_URL"):
        SandboxSettings()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PORT", "1234")
    monkeypatch.setenv("OBLIVION_HOME", str(tmp_path))
    monkeypatch.setenv("OBLIVION_SANDBOX_RETRY_SCALE", "0.5")
    settings = SandboxSettings()
    assert (settings.port, settings.state_dir, settings.sandbox_retry_scale) == (
        1234,
        tmp_path / "sandbox",
        0.5,
    )
