"""Writes the JSON Schemas of all contracts to `schemas/`, or checks that they are current.

python -m oblivion_contracts.export [--check]
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import oblivion_contracts
from oblivion_contracts.model import Contract

SCHEMAS = Path(__file__).parents[2] / "schemas"


def contracts() -> list[type[Contract]]:
    """Every contract class of the package, by name."""
    found: dict[str, type[Contract]] = {}
    for module in pkgutil.iter_modules(oblivion_contracts.__path__, "oblivion_contracts."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Contract) and value is not Contract:
                found[value.__name__] = value
    return [found[name] for name in sorted(found)]


def schema_files() -> dict[str, str]:
    """File name → the text that it should hold."""
    return {
        f"{contract.__name__}.json": json.dumps(contract.model_json_schema(), indent=2, sort_keys=True) + "\n"
        for contract in contracts()
    }


def drift() -> list[str]:
    """Names of schema files that are missing, stale or left over."""
    wanted = schema_files()
    present = {path.name: path.read_text() for path in SCHEMAS.glob("*.json")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def write() -> None:
    """Make `schemas/` match the models."""
    SCHEMAS.mkdir(exist_ok=True)
    wanted = schema_files()
    for path in SCHEMAS.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (SCHEMAS / name).write_text(text)


def main() -> int:
    """Exit code 1 when `--check` finds drift."""
    if "--check" not in sys.argv[1:]:
        write()
        return 0
    stale = drift()
    if stale:
        sys.stderr.write(f"schemas differ from the contracts: {', '.join(stale)}; run `make schemas`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
