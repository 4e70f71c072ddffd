"""`oblivion keys rotate`: what seals changes, and what was sealed still opens."""

import json
import os
import subprocess
import sys

import pytest

from oblivion_platform.crypto import generate_key

pytestmark = pytest.mark.integration


def rotate(what, **environment):
    answer = subprocess.run(
        [sys.executable, "-m", "oblivion_cli", "keys", "rotate", what, "--json"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.returncode, json.loads(answer.stdout) if answer.stdout else answer.stderr


def named(system, table, column):
    rows = system.sql(f"SELECT DISTINCT substring({column} FROM 2 FOR 16) FROM {table}")
    return {bytes(key) for (key,) in rows}


async def test_a_new_data_key_seals_everything_again(system):
    before = named(system, "credentials", "ciphertext")
    code, told = rotate("data")
    after = named(system, "credentials", "ciphertext")
    assert (code, told["sealed_again"] > 0) == (0, True)
    assert (len(before), len(after), before & after) == (1, 1, set())
    await system.connect_sandbox()  # Opens what it holds, and changes nothing.
    assert named(system, "credentials", "ciphertext") == after


async def test_after_the_master_key_became_another_the_old_one_is_needed_no_more(system, monkeypatch):
    old, new = system.secrets.master_key, generate_key()
    assert rotate("master", OBLIVION_MASTER_KEY=new)[0] != 0
    first = rotate("master", OBLIVION_MASTER_KEY=new, OBLIVION_MASTER_KEYS_PREVIOUS=old)
    again = rotate("master", OBLIVION_MASTER_KEY=new)
    assert (first, again) == ((0, {"wrapped_again": 1}), (0, {"wrapped_again": 0}))
    assert rotate("data", OBLIVION_MASTER_KEY=new)[0] == 0


async def test_after_the_signing_key_became_another_the_old_one_is_needed_no_more(system):
    old, new = system.secrets.signing_key, generate_key()
    first = rotate("webhooks", OBLIVION_SIGNING_KEY=new, OBLIVION_SIGNING_KEYS_PREVIOUS=old)
    again = rotate("webhooks", OBLIVION_SIGNING_KEY=new)
    assert (first[0], first[1]["sealed_again"] > 0, again) == (0, True, (0, {"sealed_again": 0}))


async def test_each_rotation_is_in_the_audit_log(system):
    new = generate_key()
    rotate("data")
    rotate("master", OBLIVION_MASTER_KEY=new, OBLIVION_MASTER_KEYS_PREVIOUS=system.secrets.master_key)
    rows = system.sql("SELECT action, detail ->> 'count' FROM audit_log WHERE subject <> '' ORDER BY at")
    assert rows[-2:] == [
        ("data_key.rotated", None),
        ("data_keys.wrapped_again", "2"),
    ]  # The one of before, and the new one.
