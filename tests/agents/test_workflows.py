"""A workflow that somebody starts by hand: its result stands in its channel."""

from uuid import uuid4

import pytest

from tests.agents.world import ANSWERED_WITHIN_S

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]


async def test_a_workflow_started_over_rest_is_answered_in_its_channel(world, talk):
    definition = {
        "name": f"morning-{uuid4().hex[:6]}",
        "prompt": "what is new today?",
        "agent": "keeper",
        "slack_channel": talk.channel,
    }
    async with world.signed_in() as browser:
        made = await browser.post("/api/workflows", json=definition)
        assert made.status_code == 201, made.text
        started = await browser.post(f"/api/workflows/{made.json()['id']}/run", json={})
        assert started.status_code == 202, started.text
        message = await talk.slack.wait_for_message(
            talk.channel, lambda message: "You said" in str(message), within_s=ANSWERED_WITHIN_S
        )
        assert "what is new today?" in str(message)
        run = (await browser.get(f"/api/runs/{started.json()['run_id']}")).json()
    assert (run["state"], run["source"]) == ("succeeded", "workflow")
