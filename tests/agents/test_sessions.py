"""A conversation begun in Slack goes on in the terminal and over REST; Slack sees it or not, by a switch."""

import json

import pytest

from oblivion_platform.testing import eventually

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]


async def test_a_thread_goes_on_in_the_terminal_and_over_rest(world, talk):
    asked = await talk.ask("@keeper remember the marmalade")
    await talk.said(asked, "and before that []")
    sessions = json.loads(await world.system.command("sessions", "list", "--json"))
    (session,) = [each for each in sessions if each["thread"] and asked in each["thread"]]

    answer = await world.system.command("chat", "--session", session["id"], "-m", "what did I say?")
    assert "remember the marmalade" in answer
    assert "what did I say?" in str(await talk.said(asked, "You said “what did I say?”"))

    hidden = await world.system.command(
        "chat", "--session", session["id"], "--hide-from-slack", "-m", "between us"
    )
    assert "between us" in hidden
    assert not any("between us" in str(message) for message in await talk.ours(asked))

    async with world.signed_in() as browser:
        still_hidden = {"text": "still between us"}
        accepted = await browser.post(f"/api/sessions/{session['id']}/messages", json=still_hidden)
        assert accepted.status_code == 202, accepted.text

        async def answered():
            run = (await browser.get(f"/api/runs/{accepted.json()['run_id']}")).json()
            assert "“still between us”" in (run["result"] or "")
            assert "marmalade" in run["result"]

        await eventually(answered)
        snapshot = (await browser.get(f"/api/sessions/{session['id']}")).json()

        shown = {"text": "let all see", "visible_in_slack": True}
        await browser.post(f"/api/sessions/{session['id']}/messages", json=shown)
        await talk.said(asked, "(api): let all see")
        await talk.said(asked, "You said “let all see”")
    assert [said["source"] for said in snapshot["messages"] if said["role"] == "user"] == [
        "slack", "terminal", "terminal", "api",
    ]  # fmt: skip
    # Three answers, and the two questions that were put elsewhere and are to be seen.
    assert len(await talk.ours(asked)) == 5
