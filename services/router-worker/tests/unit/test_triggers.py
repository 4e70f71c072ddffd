"""What in a task or a comment calls an agent, and what is left of the words when a name is taken out."""

import pytest

from oblivion_contracts.mappings import AgentTriggers
from oblivion_platform.routing import AgentProfile, compile_router
from oblivion_router_worker.domain.asking import question_of
from oblivion_router_worker.domain.triggers import mentioned

ROUTER = compile_router([AgentProfile(name="fixer", aliases=("fix_it",))])


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("please @AI_Squad, help", "general"),
        (r"please @AI\_Squad, help", "general"),
        ("@fix_it please", "fixer"),
        (r"**@fix\_it** please", "fixer"),
        ("me@AI_Squad", "nobody"),
        ("@AI_Squadron", "nobody"),
    ],
)
def test_a_name_calls_however_its_underscore_is_written(text: str, agent: str):
    trigger = mentioned(ROUTER, AgentTriggers(default_agent="general"), text)
    assert (trigger.agent if trigger else "nobody") == agent


@pytest.mark.parametrize(
    ("typed", "question"),
    [
        ("<@UBOT> @AI_Squad please look", "@AI_Squad please look"),
        ("<@UBOT|oblivion>, @fix_it look", "@fix_it look"),
        ("@AI_Squad <@UBOT> look at run_jobs", "@AI_Squad look at run_jobs"),
    ],
)
def test_only_the_bot_s_own_name_is_taken_out_of_a_question_and_whole(typed: str, question: str):
    assert question_of(typed, "UBOT", {}) == question
