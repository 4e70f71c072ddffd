"""Inside an image's build: the part of requirements.lock, with hashes, that a list of names asks for.

    python locked.py packages/ingestion.txt requirements.lock > ingestion.lock
    python locked.py --members packages/ingestion.txt .       the folders of our own packages in the list

Needs Python alone.
"""

import re
import sys
from pathlib import Path


def entries(lock: str, names: set[str]) -> str:
    """The entries of the lock for these names, as they stand there."""
    return "".join(
        entry for entry in re.split(r"^(?=\S)", lock, flags=re.MULTILINE) if entry.split("==")[0] in names
    )


def folders(names: set[str], root: Path) -> list[str]:
    """Where the sources of our own packages are."""
    parts = [name.removeprefix("oblivion-") for name in sorted(names) if name.startswith("oblivion-")]
    return [
        f"{room}/{part}" for part in parts for room in ("libs", "services") if (root / room / part).is_dir()
    ]


def main() -> None:
    *options, list_file, source = sys.argv[1:]
    names = set(Path(list_file).read_text().split())
    if "--members" in options:
        print("\n".join(folders(names, Path(source))))
    else:
        print(entries(Path(source).read_text(), names), end="")


if __name__ == "__main__":
    main()
