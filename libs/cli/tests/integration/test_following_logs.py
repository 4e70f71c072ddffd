"""`oblivion logs -f` as a process."""

import asyncio
import os
import sys

from oblivion_cli.home import Home


async def test_lines_are_shown_as_they_come_also_after_the_file_was_rotated(tmp_path):
    home = Home(tmp_path / "home")
    home.make()
    log = home.logs / "ingestion.log"
    log.write_text("first\nsecond\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "oblivion_cli", "logs", "ingestion", "-f", "-n", "1"),
        env=os.environ | {"OBLIVION_HOME": str(home.root)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"second\n"
            with log.open("a") as more:
                more.write("a third\n")
            assert await process.stdout.readline() == b"a third\n"
            log.rename(home.logs / "ingestion.log.1")
            log.write_text("new\n")
            assert await process.stdout.readline() == b"new\n"
    finally:
        process.terminate()
        await process.wait()
