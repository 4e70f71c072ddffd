"""The fast path: agents of a tenant's own, the default squad, abstaining, tasks, threads."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oblivion_platform.routing import AgentProfile, Stage, Task, compile_router, default_squad
from oblivion_platform.routing.router import ANSWERS_FROM

TERRAFORM = AgentProfile(
    "fixer",
    keywords=("terraform", "helm chart", "c++", "配送"),
    examples=("rotate the certificates of the edge cluster",),
    tasks=(Task("fix_bug"), Task("upgrade", "upgrade, bump, raise a version")),
)
SQUAD = compile_router(default_squad())
OWN = compile_router([*default_squad(), TERRAFORM])


@pytest.mark.parametrize(
    "text",
    [
        "please apply the terraform plan",
        "the helm chart needs a look",
        "is our C++ code any good?",
        "配送状況を確認して",
        "rotate the certificates of the edge cluster",
    ],
)
def test_an_agent_of_a_tenants_own_is_found_by_its_keywords_and_examples(text: str):
    assert OWN.decide(text).agent == "fixer"


def test_a_keyword_counts_only_as_a_whole_word():
    assert OWN.decide("the terraformers won the game").agent != "fixer"


def test_a_keyword_added_to_an_agent_of_the_squad_counts():
    squad = {profile.name: profile for profile in default_squad()}
    github = squad.pop("github")
    keywords = (*github.keywords, "flux capacitor")
    changed = AgentProfile("github", keywords=keywords, examples=github.examples, tasks=github.tasks)
    assert compile_router([*squad.values(), changed]).decide("the flux capacitor again").agent == "github"


@pytest.mark.parametrize("text", ["", " ", "???", "\u0000", "<@U1>", "```", "a" * 100_000, "\ud800"])
def test_nothing_and_nonsense_are_decided_without_an_error(text: str):
    assert SQUAD.decide(text).score >= 0


def test_it_abstains_where_no_agent_is_likely_enough_and_says_who_is_near():
    decision = compile_router([AgentProfile("a", keywords=("x1",)), AgentProfile("b")]).decide("hello")
    assert decision.agent is None
    assert {each.agent for each in decision.candidates} == {"a", "b"}


def test_an_agent_that_the_registry_lacks_is_never_chosen():
    router = compile_router(profile for profile in default_squad() if profile.name != "github")
    decision = router.decide("review pull request 77")
    assert decision.agent is None
    assert "github" not in {each.agent for each in decision.candidates}


def test_an_empty_registry_leaves_every_message_open():
    assert compile_router([]).decide("hello").agent is None


def test_a_keyword_of_two_agents_decides_for_neither():
    router = compile_router(
        [AgentProfile("a", keywords=("deploy",)), AgentProfile("b", keywords=("deploy",))]
    )
    assert router.decide("deploy it").agent is None


def test_the_task_that_is_meant_goes_along():
    assert OWN.decide("upgrade the helm chart please").task == "upgrade"
    assert OWN.task_for("fixer", "something else") == "fix_bug"
    assert SQUAD.task_for("notion", "rename the page") == "update_page"


def test_an_agent_without_tasks_of_that_kind_gets_its_default_task():
    router = compile_router([AgentProfile("a", tasks=(Task("default"), Task("other")))])
    assert router.task_for("a", "hello") == "default"


@pytest.mark.parametrize("text", ["do it again for March", "thanks!", "and the other one?", "why?"])
def test_a_follow_up_stays_with_the_threads_agent(text: str):
    decision = SQUAD.decide(text, thread_agent="calendar")
    assert (decision.agent, decision.stage) == ("calendar", Stage.THREAD)


def test_a_clear_wish_for_another_agent_leaves_the_thread():
    assert SQUAD.decide("close ABC-12 as a duplicate", thread_agent="calendar").agent == "tickets"


def test_a_threads_agent_that_is_gone_counts_for_nothing():
    assert SQUAD.decide("close ABC-12 as a duplicate", thread_agent="retired").agent == "tickets"


@given(
    st.lists(
        st.sampled_from(["fix", "zebra", "book", "notion", "é", "12", "<@U1>", "\n", "then"]), max_size=60
    )
)
@settings(max_examples=100, deadline=None)
def test_beliefs_are_shares_and_an_answer_is_a_likely_agent_of_the_registry(words: list[str]):
    decision = OWN.decide(" ".join(words))
    assert sum(each.score for each in decision.candidates) <= 1.001
    assert decision.agent is None or (decision.agent in OWN.profiles and decision.score >= ANSWERS_FROM)


@given(st.sampled_from(["<@U0ANA>", ":wave:", "please", "hey,"]), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_greeting_or_a_mention_around_a_clear_wish_changes_nothing(extra: str, in_front: bool):
    text = "remind me tomorrow to call the bank"
    assert SQUAD.decide(f"{extra} {text}" if in_front else f"{text} {extra}").agent == "calendar"


def test_the_reason_holds_nothing_of_the_message():
    decision = SQUAD.decide("remind me to pay Zebulon 4711 zorkmids tomorrow")
    assert not any(word in decision.reason.casefold() for word in ("zebulon", "4711", "zorkmids", "pay"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("apply the terraform plan", "“terraform” is a keyword of fixer. No model was asked."),
        (
            "the helm chart and terraform",
            "“helm chart” and “terraform” are keywords of fixer. No model was asked.",
        ),
        (
            "rotate the certificates of the edge cluster",
            "It is like an example of fixer: “rotate the certificates of the edge cluster”. "
            "No model was asked.",
        ),
        ("remind me to look at ABC-12", "“remind” points to calendar. No model was asked."),
        (
            "open a ticket for the login bug",
            "“open”, “ticket” and “bug” point to tickets. No model was asked.",
        ),
        ("リマインドして 明日", "“リマインド” and “明日” point to calendar. No model was asked."),
        ("the kettle is Zebulon", "It is like what general is usually asked. No model was asked."),
    ],
)
def test_the_reason_says_which_words_spoke_for_the_agent(text: str, reason: str):
    assert OWN.decide(text).reason == reason


def test_a_reason_names_no_classes_that_nobody_wrote():
    for text in (
        "the settings page says weird things, fix it",
        "book Tuesday at 5",
        "merge 12 into release-4",
    ):
        heard = text.casefold()
        reason = SQUAD.decide(text).reason
        assert all(quoted in heard for quoted in re.findall("“([^”]+)”", reason)), reason


def test_the_same_message_is_always_decided_alike():
    assert len({SQUAD.decide("merge 12, then book a room") for _ in range(5)}) == 1


def test_the_squad_is_complete():
    squad = {profile.name: profile for profile in default_squad()}
    assert set(squad) == {"analysis", "calendar", "general", "github", "notion", "tickets"}
    for profile in squad.values():
        assert profile.description
        assert profile.system_prompt
        assert profile.keywords
        assert profile.tasks
        assert len(profile.examples) >= 10
        # Code is read with the pod's own token, so its tools are the pod's own as well.
        assert bool(profile.tools) is (profile.name != "github")
        assert profile.limits.messages_per_minute == 10
        assert profile.limits.usd_per_day
