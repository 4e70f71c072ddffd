"""The model down, slow, or answering nonsense: people read what happened, and routing goes on."""

import pytest

from tests.agents.world import run_in

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]

VAGUE = "hmm, what would you say about all of that then?"
"""Names nothing that an agent is for, so that the router would ask the model."""


@pytest.fixture
def llm(world):
    return world.control.llm


@pytest.mark.parametrize(
    ("trouble", "details", "words"),
    [
        ("http_500_before", {}, "cannot be reached right now"),
        ("cut_before", {}, "cannot be reached right now"),
        ("rate_limited", {"retry_after": 1}, "has more requests than it takes"),
        ("slow", {"seconds": 30}, "did not answer in time"),
        ("nonsense", {"how": "blank"}, "gave no usable answer"),
        ("nonsense", {"how": "empty"}, "gave no usable answer"),
        ("nonsense", {"how": "invalid_json"}, "gave no usable answer"),
    ],
)
async def test_people_read_why_there_is_no_answer(llm, talk, trouble, details, words):
    await llm.misbehave("*", trouble, **details)
    try:
        asked = await talk.ask(VAGUE, user="ana")
        failed = await talk.said(asked, words)
    finally:
        await llm.behave()
    assert "Ask me again" in str(failed)
    assert "*general*" in str(failed["blocks"]), "it was routed all the same"
    assert run_in(failed)
    assert len(await talk.ours(asked)) == 1
    for inner in ("Traceback", "Error", "HTTP", "http:", "None"):
        assert inner not in str(failed["blocks"])


@pytest.mark.parametrize(("trouble", "details"), [("http_500_before", {}), ("nonsense", {})])
async def test_routing_goes_on_without_the_model(llm, talk, trouble, details):
    await llm.misbehave("*", trouble, **details)
    try:
        asked = await talk.ask("@keeper are you there?", user="ana")
        assert await talk.said(asked, "You said")
    finally:
        await llm.behave()


async def test_the_fast_path_finds_the_agent_without_the_model(llm, talk):
    await llm.misbehave("*", "http_500_before")
    try:
        asked = await talk.ask("remind me tomorrow to call the bank", user="ana")
        failed = await talk.said(asked, "cannot be reached right now")
    finally:
        await llm.behave()
    assert "*calendar*" in str(failed["blocks"])


async def test_it_answers_again_as_soon_as_the_model_does(llm, talk):
    await llm.misbehave("*", "http_500_before")
    asked = await talk.ask(VAGUE)
    await talk.said(asked, "cannot be reached right now")
    await llm.behave()
    await llm.say("All of that is fine.", match="*again*")
    await talk.ask("say it again please", thread_ts=asked)
    assert await talk.said(asked, "All of that is fine.")
