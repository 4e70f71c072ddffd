import string
from uuid import uuid4

import pytest

from oblivion_platform.agents.credentials import (
    ClientId,
    SecretHasher,
    is_well_formed,
    new_secret,
    parse_client_id,
)
from oblivion_platform.crypto import MasterKeyRing, generate_key


def test_a_client_id_names_its_tenant_and_agent() -> None:
    client = ClientId(uuid4(), uuid4())

    assert parse_client_id(str(client)) == client


@pytest.mark.parametrize(
    "text", ["", "oba_", "oba_1_2", f"obx_{'0' * 32}_{'0' * 32}", f"oba_{chr(0x660) * 32}_{'0' * 32}"]
)
def test_what_is_no_client_id_names_nobody(text: str) -> None:
    assert parse_client_id(text) is None


def test_secrets_differ_and_are_well_formed() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(map(is_well_formed, secrets))


def test_a_secret_is_256_random_bits_between_a_prefix_and_a_checksum() -> None:
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    drawn: list[int] = []
    for secret in (new_secret() for _ in range(100)):
        assert secret.startswith("obs_")
        body, checksum = secret[4:-6], secret[-6:]
        assert len(checksum) == 6
        drawn.append(sum(digits.index(digit) * 62**place for place, digit in enumerate(reversed(body))))
    assert all(number < 2**256 for number in drawn)
    # Each bit is sometimes set and sometimes not, but once in 2**91 times.
    ever, always = 0, 2**256 - 1
    for number in drawn:
        ever, always = ever | number, always & number
    assert (ever, always) == (2**256 - 1, 0)


def test_one_mistyped_character_is_noticed() -> None:
    secret = new_secret()
    mistyped = secret[:10] + ("a" if secret[10] != "a" else "b") + secret[11:]

    assert not is_well_formed(mistyped)
    assert not is_well_formed("")
    assert not is_well_formed("obs_ü")


def test_a_hash_fits_its_secret_alone() -> None:
    hasher = SecretHasher(MasterKeyRing.from_text(generate_key()))
    secret = new_secret()
    stored = hasher.hash(secret)

    assert hasher.matches(secret, stored)
    assert not hasher.matches(new_secret(), stored)


def test_a_hash_outlives_a_rotation_of_the_master_key() -> None:
    old, new = generate_key(), generate_key()
    secret = new_secret()
    stored = SecretHasher(MasterKeyRing.from_text(old)).hash(secret)

    assert SecretHasher(MasterKeyRing.from_text(new, [old])).matches(secret, stored)
    assert not SecretHasher(MasterKeyRing.from_text(new)).matches(secret, stored)
