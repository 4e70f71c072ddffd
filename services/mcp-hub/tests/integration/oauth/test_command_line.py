"""`oblivion connections connect`: prints the address, waits for the browser, and says what became of it."""

import asyncio
import os
import sys

import pytest
from mcp_types import ToolAnnotations

from oblivion_mcp_hub.testing_upstream import tool

pytestmark = pytest.mark.integration


@pytest.fixture
async def oblivion(browser, tmp_path):
    token = await browser.world.token(browser.tenant, "admin", "oblivion")
    about = await browser.server("notion").change(redirect_uris=["http://localhost:8300/oauth/callback"])
    environment = {
        **os.environ,
        "OBLIVION_URI": browser.world.base_url,
        "OBLIVION_TOKEN": token,
        "OBLIVION_CLIENT_SECRET": about["client_secret"],
        "OBLIVION_HOME": str(tmp_path / "home"),
        "PYTHONUNBUFFERED": "1",
    }

    async def start(*arguments):
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "oblivion_cli", "connections", *arguments),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    start.client_id = about["client_id"]
    return start


async def said(process):
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, out.decode()


async def address(process):
    """The line that is to be opened."""
    while line := (await asyncio.wait_for(process.stdout.readline(), 30)).decode():
        if line.startswith("http"):
            return line.strip()
    raise AssertionError("no address was printed")


async def test_a_connection_is_added_and_signed_in_at_the_terminal(browser, oblivion):
    added = await said(await oblivion("add", "notion", "--auth", "oauth", "--client-id", oblivion.client_id))
    process = await oblivion("connect", "notion")
    await browser.come_back(await browser.server("notion").agree(await address(process)))
    code, out = await said(process)
    _, listed = await said(await oblivion("list"))
    assert (added[0], "oblivion connections connect notion" in added[1]) == (0, True)
    assert (code, "notion is connected." in out) == (0, True), out
    assert "Notion answers." in listed


async def test_an_app_says_by_itself_that_somebody_will_sign_in(oblivion):
    added = await said(await oblivion("add", "notion", "--client-id", oblivion.client_id))
    assert (added[0], "oblivion connections connect notion" in added[1]) == (0, True), added[1]


async def test_what_does_not_answer_is_added_and_not_called_connected(oblivion):
    code, out = await said(await oblivion("add", "http://127.0.0.1:9/mcp", "--name", "wiki", "--no-secret"))
    out = " ".join(out.split())
    assert (code, "wiki is added, and does not work yet." in out) == (1, True), out
    assert "is connected" not in out
    assert "oblivion connections test wiki" in out


async def test_another_address_is_tested_at_once(oblivion, upstream):
    await said(await oblivion("add", "http://127.0.0.1:9/mcp", "--name", "wiki", "--no-secret"))
    moved = await said(await oblivion("set", "wiki", "--url", upstream.url))
    assert (moved[0], "wiki is changed." in moved[1], "upstream 1" in moved[1]) == (0, True, True), moved[1]
    astray = await said(await oblivion("set", "wiki", "--url", "http://127.0.0.1:9/mcp"))
    assert (astray[0], "wiki does not answer at http://127.0.0.1:9" in astray[1]) == (1, True), astray[1]


async def test_what_is_listed_as_a_provider_can_be_added(oblivion):
    code, out = await said(await oblivion("providers"))
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert (code, names[-2:]) == (0, ["mcp", "stdio"]), out
    assert "notion" in names
    assert "oblivion connections add URL --name NAME" in out
    assert "oblivion connections add stdio --set server=NAME (there are: none, so far)" in out


async def test_why_a_tool_counts_as_one_that_changes_is_said_once_with_the_fix(oblivion, upstream):
    reading = ToolAnnotations(read_only_hint=True)
    upstream.tools = [tool(name, annotations=reading) for name in ("look", "see")] + [tool("write")]
    await said(await oblivion("add", upstream.url, "--name", "wiki", "--no-secret"))
    _, out = await said(await oblivion("tools", "wiki"))
    kinds = [line.split("Does")[0].split() for line in out.splitlines()[1:4]]
    assert kinds == [
        ["wiki__look", "changes", "*"],
        ["wiki__see", "changes", "*"],
        ["wiki__write", "changes"],
    ]
    assert out.count("* Its server says that it only reads, and the connection is not trusted.") == 1, out
    assert "oblivion connections set wiki --trusted" in out


@pytest.mark.parametrize("option", [("--scope", "read"), ("--no-pkce",)])
@pytest.mark.parametrize("verb", ["add", "connect"])
async def test_what_is_said_of_an_app_without_naming_it_is_refused(oblivion, verb, option):
    code, out = await said(await oblivion(verb, "notion", *option))
    assert (code != 0, "--client-id" in out) == (True, True), out


async def test_who_does_not_agree_is_told_so_at_the_terminal(browser, oblivion):
    await said(await oblivion("add", "notion", "--auth", "oauth", "--client-id", oblivion.client_id))
    process = await oblivion("connect", "notion")
    await browser.come_back(await browser.server("notion").agree(await address(process), "deny"))
    code, out = await said(process)
    assert (code, "not agreed" in out) == (1, True), out
