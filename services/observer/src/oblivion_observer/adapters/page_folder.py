"""The built page, read whole when the service starts: a few files, and none appears later."""

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from oblivion_observer.domain.assets import PLAIN, SUFFIXES, Asset

FOLDER = Path(__file__).parent.parent / "page"
"""`make page` writes it; wheel and image carry it."""

# What the machine's own table says differs from machine to machine.
_TYPES = mimetypes.MimeTypes()
_TYPES.add_type("text/javascript", ".js")
_TYPES.add_type("application/manifest+json", ".webmanifest")


def read_page(folder: Path = FOLDER) -> Mapping[str, Asset]:
    """Path below the folder → file; empty where the page was not built."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return {
        file.relative_to(folder).as_posix(): _asset(file)
        for file in files
        if file.suffix not in SUFFIXES.values()
    }


def _asset(file: Path) -> Asset:
    plain = file.read_bytes()
    bodies = {PLAIN: plain}
    for encoding, suffix in SUFFIXES.items():
        packed = file.with_name(file.name + suffix)
        if packed.exists():
            bodies[encoding] = packed.read_bytes()
    return Asset(_media_type(file), bodies, f'"{hashlib.sha256(plain).hexdigest()[:24]}"')


def _media_type(file: Path) -> str:
    kind = _TYPES.guess_type(file.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
