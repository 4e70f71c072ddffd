"""The order in which a message finds its agent, and the end of it."""

import pytest

from oblivion_platform.routing import (
    AgentProfile,
    RouteContext,
    Stage,
    Task,
    agent_named,
    compile_router,
    default_squad,
    route,
    settle,
)

ROUTER = compile_router([*default_squad(), AgentProfile("fixer", aliases=("@Fix_It",))])
ALL = RouteContext(override="notion", thread_agent="analysis", channel_agent="tickets")


def test_an_admins_override_beats_everything():
    decision = route(ROUTER, "@github fix it", ALL)
    assert (decision.agent, decision.stage) == ("notion", Stage.OVERRIDE)


def test_an_agent_named_beats_thread_and_channel():
    decision = route(ROUTER, "@github fix it", RouteContext(None, "analysis", "tickets"))
    assert (decision.agent, decision.stage) == ("github", Stage.NAMED)


def test_the_threads_agent_beats_the_channels():
    assert route(ROUTER, "and again", RouteContext(None, "analysis", "tickets")).stage is Stage.THREAD


def test_the_channels_agent_beats_the_fast_path():
    decision = route(ROUTER, "remind me tomorrow", RouteContext(channel_agent="tickets"))
    assert (decision.agent, decision.stage) == ("tickets", Stage.CHANNEL)


def test_without_context_the_fast_path_decides():
    decision = route(ROUTER, "remind me tomorrow to call the bank")
    assert (decision.agent, decision.stage) == ("calendar", Stage.FAST)


def test_names_that_no_agent_has_any_more_are_passed_over():
    gone = RouteContext("gone", "gone", "gone")
    assert route(ROUTER, "remind me tomorrow to call the bank", gone).agent == "calendar"


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("@fixer look at this", "fixer"),
        ("please @FIX_IT look", "fixer"),
        ("look at this, @fixer.", "fixer"),
        ("fixer: look at this", "fixer"),
        ("hey notion, add a page", "notion"),
        ("@AI_Squad @github look", "github"),
        ("@AI_Squad look", None),
        (r"please @FIX\_IT look", "fixer"),
        (r"@AI\_Squad, look", None),
        ("mail me at ana@fixer.example", None),
        ("`@fixer` is a name", None),
        ('what does "@fixer" do?', None),
        ("see <https://x.example/@fixer>", None),
        ("@someone look", None),
        ("the fixer is broken", None),
        ("https://x.example/a/@fixer", None),
    ],
)
def test_an_agent_is_named_by_mention_alias_or_address(text: str, agent: str | None):
    assert agent_named(ROUTER, text) == agent


def test_the_squads_alias_leaves_the_choice_to_the_router():
    assert route(ROUTER, "@AI_Squad remind me tomorrow to call the bank").agent == "calendar"


def test_in_the_end_the_likeliest_or_the_generalist_takes_it():
    left_open = route(ROUTER, "hmpf grmbl")
    settled = settle(ROUTER, left_open)
    assert settled.agent is not None
    assert settled.stage in (Stage.GUESS, Stage.GENERAL, Stage.FAST)


def test_without_anybody_likely_and_no_generalist_a_person_is_asked():
    router = compile_router([])
    assert settle(router, route(router, "hello")).stage is Stage.NONE


def test_without_a_generalist_the_likeliest_takes_it():
    router = compile_router(profile for profile in default_squad() if profile.name != "general")
    settled = settle(router, route(router, "what a lovely day"))
    assert settled.agent in router.profiles
    assert settled.task is not None


def test_a_rule_says_what_to_do_too_if_its_agent_has_such_a_task():
    router = compile_router([AgentProfile("fixer", tasks=(Task("default"), Task("fix_bug")))])
    ruled = RouteContext(override="fixer", override_task="fix_bug")
    assert route(router, "hello", ruled).task == "fix_bug"
    by_channel = RouteContext(channel_agent="fixer", channel_task="fix_bug")
    assert route(router, "hello", by_channel).task == "fix_bug"
    gone = RouteContext(override="fixer", override_task="gone")
    assert route(router, "hello", gone).task == "default"
