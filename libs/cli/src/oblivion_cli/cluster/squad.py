"""The squad's signatures as a Secret: what one pod that serves the whole squad signs in with.

`register_squad` keeps them in a file; here that file comes from the Secret and goes back into it.
"""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from oblivion_cli.cluster.secrets import SecretStore
from oblivion_cli.home import Home

SQUAD_KEY = "squad.json"


async def keep_squad(store: SecretStore, name: str, register: Callable[[Home], Awaitable[None]]) -> None:
    """Register the squad with the secrets that the Secret holds; write back what is new."""
    known = await store.read(name) or {}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        if SQUAD_KEY in known:
            home.squad_file.write_text(known[SQUAD_KEY])
        await register(home)
        await store.put(name, {SQUAD_KEY: home.squad_file.read_text()})
