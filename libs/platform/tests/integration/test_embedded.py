"""The embedded servers: durable, killable, startable again, and gone when their parent is."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis.asyncio

from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis, ServerStartFailed
from oblivion_platform.embedded.process import ServerProcess
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


async def _query(url: str, statement: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


async def test_postgres_keeps_committed_rows_over_kill_stop_and_start(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    try:
        url = await server.start()
        await _query(url, "CREATE TABLE kept (id int)")
        await _query(url, "INSERT INTO kept VALUES (1)")
        first_pid = server.pid
        os.kill(first_pid, signal.SIGKILL)
        assert await server.start() == url, "the same port and password"
        assert server.pid != first_pid
        os.kill(server.pid, signal.SIGSTOP)
        await server.stop()
        await server.start()
        assert await _query(url, "SELECT id FROM kept") == [(1,)]
        assert await _query(url, "SHOW fsync") == [("on",)]
    finally:
        await server.stop()


async def test_postgres_starts_although_its_old_pid_belongs_to_a_stranger(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", durable=False)
    try:
        await server.start()
        os.kill(server.pid, signal.SIGKILL)
        pid_file = tmp_path / "pg" / "cluster" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        await eventually(lambda: not server.running)
        # Of the server's own user: only such a one looks to Postgres as if it could be a server.
        with subprocess.Popen(["sleep", "60"], user=pid_file.stat().st_uid) as stranger:  # noqa: ASYNC220
            pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            try:
                assert await _query(await server.start(), "SELECT 1") == [(1,)]
            finally:
                stranger.kill()
    finally:
        await server.stop()


async def test_postgres_waits_for_the_last_backend_of_a_killed_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", durable=False)
    try:
        url = await server.start()
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            backend_pid = connection.info.backend_pid
            os.kill(backend_pid, signal.SIGSTOP)
            os.kill(server.pid, signal.SIGKILL)
            starting = asyncio.create_task(server.start())
            await eventually(lambda: "is still in use" in (tmp_path / "pg" / "postgres.log").read_text())
            assert not starting.done()
            os.kill(backend_pid, signal.SIGCONT)
            assert await asyncio.wait_for(starting, 30) == url
    finally:
        await server.stop()


async def test_two_postgres_side_by_side_do_not_share_anything(tmp_path: Path) -> None:
    servers = [EmbeddedPostgres(tmp_path / name, durable=False) for name in ("a", "b")]
    try:
        urls = [await server.start() for server in servers]
        await _query(urls[0], "CREATE TABLE only_here (id int)")
        assert await _query(urls[1], "SELECT to_regclass('only_here')") == [(None,)]
        assert servers[0].port != servers[1].port
    finally:
        for server in servers:
            await server.stop()


async def test_postgres_refuses_a_wrong_password_over_tcp(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", durable=False)
    try:
        await server.start()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await _query(server.url("postgres", "guess", "postgres"), "SELECT 1")
    finally:
        await server.stop()


async def test_a_second_server_on_the_same_directory_fails_and_says_why(tmp_path: Path) -> None:
    first = EmbeddedPostgres(tmp_path / "pg", durable=False)
    second = EmbeddedPostgres(tmp_path / "pg", durable=False)
    try:
        await first.start()
        with pytest.raises(ServerStartFailed, match=r"postmaster\.pid"):
            await second.start()
    finally:
        await second.stop()
        await first.stop()


async def test_redis_keeps_its_data_only_when_asked_to(tmp_path: Path) -> None:
    for persistent, expected in ((True, b"value"), (False, None)):
        server = EmbeddedRedis(tmp_path / f"redis-{persistent}", persistent=persistent)
        try:
            async with redis.asyncio.Redis.from_url(await server.start()) as client:
                await client.set("key", "value")
            await server.stop()
            async with redis.asyncio.Redis.from_url(await server.start()) as client:
                assert await client.get("key") == expected
        finally:
            await server.stop()


async def test_redis_starts_again_on_its_port_after_kill_and_after_stop_signal(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    try:
        url = await server.start()
        os.kill(server.pid, signal.SIGKILL)
        assert await server.start() == url
        os.kill(server.pid, signal.SIGSTOP)
        await server.stop()
        assert not server.running
        assert await server.start() == url
    finally:
        await server.stop()


PARENT = """
import asyncio, signal, sys
from pathlib import Path
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis

async def main():
    postgres = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
    redis = EmbeddedRedis(Path(sys.argv[2]))
    await postgres.start(), await redis.start()
    signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
    print(postgres.pid, redis.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
async def test_servers_end_with_a_killed_parent(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", PARENT, str(tmp_path / "pg"), str(tmp_path / "redis")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:  # noqa: ASYNC220
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
    await eventually(lambda: not any(_alive(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is what cleans up here")
async def test_servers_do_not_see_the_ctrl_c_that_their_parent_handles(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", PARENT, str(tmp_path / "pg"), str(tmp_path / "redis")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, process_group=0) as parent:  # noqa: ASYNC220
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.stdout.readline() == "interrupted\n"
        assert [os.getpgid(pid) for pid in pids] == pids
        assert all(_alive(pid) for pid in pids)
        parent.kill()
    await eventually(lambda: not any(_alive(pid) for pid in pids))


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_server_inherits_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OBLIVION_MASTER_KEY", "GITHUB_TOKEN", "PGPASSWORD"):
        monkeypatch.setenv(name, "canary")
    log = tmp_path / "server.log"
    server = ServerProcess("env", log)
    server.spawn(["env"], cwd=tmp_path)
    await eventually(lambda: not server.running)
    assert "PATH=" in log.read_text()
    assert "canary" not in log.read_text()
