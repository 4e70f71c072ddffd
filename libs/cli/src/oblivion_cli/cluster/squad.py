"""The squad's signatures as a Secret: what one pod that serves the whole squad signs in with.

`register_squad` keeps them in a file; here that file comes from the Secret and goes back into it.
"""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from oblivion_cli.cluster.secrets import SecretStore
from oblivion_cli.home import Home

SQUAD_KEY = "squad.json"


async def keep_squad(
    store: SecretStore, name: str, register: Callable[[Home], Awaitable[None]], extra: dict[str, str]
) -> None:
    """Register the squad with the secrets that the Secret holds; write back what is new."""
    known = await store.read(name)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        if known is not None and SQUAD_KEY in known:
            home.squad_file.write_text(known[SQUAD_KEY])
        await register(home)
        wanted = {SQUAD_KEY: home.squad_file.read_text(), **extra}
    if known is None:
        await store.create(name, wanted)
    elif known != wanted:
        await store.change(name, wanted)
