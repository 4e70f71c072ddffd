"""One system per home, and how others find it."""

import os

import pytest

from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_cli.up.lock import AlreadyRuns, RunningSystem, hold_lock, running_system

SYSTEM = RunningSystem(1, "http://localhost:8300", 8300, 8300, {"postgres": 5}, ready=True)


@pytest.fixture
def home(tmp_path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def test_nothing_runs_in_a_fresh_home(home):
    assert running_system(home) is None


def test_the_holder_is_found_and_nobody_else_gets_the_lock(home):
    with hold_lock(home) as lock:
        lock.publish(SYSTEM)
        assert running_system(home) == SYSTEM
        with pytest.raises(AlreadyRuns) as refused, hold_lock(home):
            pass
        assert refused.value.system == SYSTEM
    assert running_system(home) is None


def test_what_a_killed_holder_left_behind_does_not_count(home):
    home.running_file.write_text('{"pid": 1, "base_url": "x", "port": 1, "ready": true}')
    assert running_system(home) is None
    with hold_lock(home):
        pass


def test_looking_does_not_disturb_the_holder(home):
    with hold_lock(home) as lock:
        lock.publish(SYSTEM)
        for _ in range(3):
            assert running_system(home) == SYSTEM


def test_secrets_are_made_once_and_survive_starting_over_only_if_asked(home):
    made = home.read_or_make_secrets()
    assert home.read_or_make_secrets() == made
    assert home.secrets_file.stat().st_mode & 0o077 == 0
    with hold_lock(home):
        home.forget()
    assert home.read_secrets() is None
    assert running_system(home) is None


def test_secrets_are_on_the_disk_before_they_are_used(home, monkeypatch):
    written: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        os, "fsync", lambda fd: written.append((os.fstat(fd).st_ino, home.secrets_file.exists()))
    )
    home.read_or_make_secrets()
    assert written == [(home.secrets_file.stat().st_ino, False), (home.root.stat().st_ino, True)]


def test_a_home_that_was_there_before_is_closed_to_others(tmp_path):
    tmp_path.chmod(0o755)
    Home(tmp_path).make()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_home_that_everybody_uses_is_refused_and_left_alone(tmp_path):
    tmp_path.chmod(0o1777)
    with pytest.raises(CommandFailed, match=r"everybody's.*OBLIVION_HOME"):
        Home(tmp_path).make()
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_a_damaged_secrets_file_is_one_sentence_and_left_alone(home):
    home.secrets_file.write_text("{")
    with pytest.raises(CommandFailed, match=r"damaged.*backup"):
        home.read_or_make_secrets()
    assert home.secrets_file.read_text() == "{"
