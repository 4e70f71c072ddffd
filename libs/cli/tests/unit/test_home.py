"""The home's secrets, kept over versions."""

import json
from pathlib import Path

from oblivion_cli.home import Home
from oblivion_platform.database.roles import SERVICE_ROLES


def test_a_home_of_an_earlier_version_gets_passwords_for_new_roles_and_keeps_the_rest(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    first = home.read_or_make_secrets()
    content = json.loads(home.secrets_file.read_text())
    del content["passwords"]["oblivion_gateway"]
    home.secrets_file.write_text(json.dumps(content))

    again = home.read_or_make_secrets()

    assert set(again.passwords) >= set(SERVICE_ROLES)
    assert again.master_key == first.master_key
    assert {**again.passwords, "oblivion_gateway": ""} == {**first.passwords, "oblivion_gateway": ""}
    assert home.read_or_make_secrets() == again
    assert home.secrets_file.stat().st_mode & 0o077 == 0
