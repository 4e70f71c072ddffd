"""OBLIVION_HOME: where the embedded system keeps its data, its secrets and its logs.

secrets.json   keys and database passwords, made once, readable by the owner alone
squad.json     what the squad's process signs in with; likewise
running.json   who runs here, on which ports; meaningful only while its lock is held
postgres/ redis/ sandbox/ front/ logs/
"""

import json
import os
import secrets
import shutil
import stat
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import platformdirs

from oblivion_cli.errors import CommandFailed
from oblivion_platform.crypto import generate_key

DATABASE = "oblivion"
"""The database of the embedded system."""
_PRIVATE = 0o600
_OF_YOURS = "Set OBLIVION_HOME to a directory of yours."


@dataclass(frozen=True)
class HomeSecrets:
    """Made once per home; losing the master key loses every stored token."""

    master_key: str
    signing_key: str
    passwords: dict[str, str]

    @classmethod
    def generate(cls) -> Self:
        # Loads the database's driver, which only a first start needs here.
        from oblivion_platform.database.roles import OWNER, SERVICE_ROLES

        passwords = {role: secrets.token_urlsafe(32) for role in (OWNER, *SERVICE_ROLES)}
        return cls(generate_key(), generate_key(), passwords)

    def completed(self) -> Self:
        """With a password for each role that this version has and the one that made the file had not."""
        from oblivion_platform.database.roles import OWNER, SERVICE_ROLES

        missing = {OWNER, *SERVICE_ROLES} - self.passwords.keys()
        if not missing:
            return self
        made = {role: secrets.token_urlsafe(32) for role in missing}
        return replace(self, passwords={**self.passwords, **made})


@dataclass(frozen=True)
class Home:
    """The directory of one embedded system."""

    root: Path

    @classmethod
    def from_environment(cls) -> Self:
        configured = os.environ.get("OBLIVION_HOME")
        root = Path(configured) if configured else Path(platformdirs.user_data_dir("oblivion"))
        return cls(root.expanduser().absolute())

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def running_file(self) -> Path:
        return self.root / "running.json"

    @property
    def squad_file(self) -> Path:
        return self.root / "squad.json"

    @property
    def secrets_file(self) -> Path:
        return self.root / "secrets.json"

    def folder(self, name: str) -> Path:
        return self.root / name

    def real_ones(self) -> frozenset[str]:
        """Which of `slack` and `clickup` are connected for real, in place of the sandbox's stand-ins."""
        try:
            return frozenset(json.loads((self.root / "real.json").read_text()))
        except (OSError, ValueError):
            return frozenset()

    def use_real(self, which: str) -> None:
        (self.root / "real.json").write_text(json.dumps(sorted({*self.real_ones(), which})))

    def make(self) -> None:
        """Create the directory, and close it to everybody but the owner.

        Raises:
            CommandFailed: it cannot be created or written, or is one that everybody uses.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            if self.root.stat().st_mode & stat.S_ISVTX:
                raise CommandFailed(f"{self.root} is everybody's.", _OF_YOURS)
            self.root.chmod(stat.S_IRWXU)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise CommandFailed(
                f"{self.root} cannot be written ({error.strerror}).",
                _OF_YOURS,
            ) from error

    def read_secrets(self) -> HomeSecrets | None:
        """The secrets, if there are any.

        Raises:
            CommandFailed: the file is damaged.
        """
        try:
            return HomeSecrets(**json.loads(self.secrets_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise CommandFailed(
                f"{self.secrets_file} is damaged, so stored tokens cannot be read.",
                "Restore it from a backup, or start over with `oblivion up --fresh`.",
            ) from error

    def read_or_make_secrets(self) -> HomeSecrets:
        """The secrets of this home; what is there stays, and a file appears complete or not at all.

        They are on the disk before anything is sealed with them, so that both survive a power cut.
        """
        known = self.read_secrets()
        made = HomeSecrets.generate() if known is None else known.completed()
        if made is known:
            return made
        unfinished = self.root / "secrets.json.unfinished"
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=_PRIVATE)
        unfinished.write_text(json.dumps(asdict(made)))
        _write_through(unfinished)
        unfinished.rename(self.secrets_file)
        _write_through(self.root)
        return made

    def forget(self) -> None:
        """Remove everything but the lock that the caller holds."""
        for entry in self.root.iterdir():
            if entry == self.running_file:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _write_through(path: Path) -> None:
    """Return when the disk has the file, or the names in the directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
