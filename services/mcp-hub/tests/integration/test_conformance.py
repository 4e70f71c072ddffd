"""The public conformance suite, in both generations, where it is installed (`make conformance` does)."""

import asyncio
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent.parent / "conformance"
SUITE = Path("build/conformance/node_modules/@modelcontextprotocol/conformance/dist/index.js")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not SUITE.exists(), reason="the suite is not installed: make conformance"),
]


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
async def test_the_hub_conforms_to_what_a_revision_requires(revision):
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE),
        revision,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    assert f"{revision}: conforms" in said.decode(), said.decode()[-4000:]
    assert run.returncode == 0
