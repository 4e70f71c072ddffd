"""What `kubectl get` and `kubectl describe` say."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from oblivion_contracts.agent_operator import AgentDemand
from oblivion_contracts.agent_resource import AgentSpec, AgentStatus, Condition
from oblivion_operator.domain.agents import Agent, Ref
from oblivion_operator.domain.manifests import Manifest
from oblivion_operator.domain.status import Seen, describe

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
UID = UUID("0b11d107-0000-4000-8000-000000000001")


def agent(**spec: Any) -> Agent:
    return Agent(Ref("team", "fixer"), UID, 3, AgentSpec.model_validate(spec))


def deployment(wanted: int = 1, up: int = 1, *, seen: int = 2, **status: Any) -> Manifest:
    counts = {"replicas": wanted, "updatedReplicas": wanted, "availableReplicas": up}
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": seen, **counts, **status},
    }


def pod(state: Manifest, **container: Any) -> Manifest:
    return {
        "metadata": {"name": "agent-fixer-1", "creationTimestamp": "2026-11-21T11:59:00Z"},
        "status": {"containerStatuses": [{"name": "agent", "image": "fixer:9", "state": state, **container}]},
    }


def waiting(reason: str, message: str = "") -> Manifest:
    return pod({"waiting": {"reason": reason, "message": message}})


def demand(**changes: Any) -> AgentDemand:
    return AgentDemand(**{"uid": UID, "state": "active", "live_runs": 0, "online": 1, **changes})


def status(
    found: Manifest | None = None,
    pods: list[Manifest] | None = None,
    told: AgentDemand | None = None,
    **more: Any,
) -> AgentStatus:
    seen = Seen(deployment=found, pods=pods or [], demand=told, **more)
    return describe(agent(), seen, AgentStatus(), NOW)


def condition(of: AgentStatus, kind: str = "Ready") -> Condition:
    return next(one for one in of.conditions if one.type == kind)


def test_ready_is_true_only_once_the_edit_is_rolled_out() -> None:
    up = status(deployment(), told=demand())
    unseen = status(deployment(seen=1))
    rolling = status(deployment(2, 1))

    assert (up.phase, condition(up).status, condition(up).reason) == ("Running", "True", "RolledOut")
    assert (unseen.phase, condition(unseen).reason) == ("Starting", "RollingOut")
    assert (condition(rolling).status, condition(rolling).message) == (
        "False",
        "1 of 2 pods of this edit are up.",
    )
    assert {one.observed_generation for one in up.conditions} == {3}


def test_a_sleeper_is_ready_and_says_what_wakes_it() -> None:
    asleep = status(deployment(0, 0), told=demand(online=0))

    assert (asleep.phase, condition(asleep).status) == ("Asleep", "True")
    assert "wakes it" in condition(asleep).message
    assert condition(asleep, "Connected").reason == "Asleep"


@pytest.mark.parametrize(
    ("found", "reason", "words"),
    [
        (waiting("ImagePullBackOff", "not found"), "ImageMissing", "The image fixer:9 cannot be pulled"),
        (waiting("ErrImageNeverPull"), "ImageMissing", "Mend spec.image"),
        (
            waiting("CreateContainerConfigError", 'secret "x" not found'),
            "CannotStart",
            'secret "x" not found',
        ),
        (
            pod(
                {"waiting": {"reason": "CrashLoopBackOff"}},
                restartCount=4,
                lastState={"terminated": {"exitCode": 2, "reason": "Error"}},
            ),
            "Crashing",
            "exit code 2 (Error) and was restarted 4 times",
        ),
    ],
)
def test_what_is_wrong_with_a_pod_is_told_in_words(found: Manifest, reason: str, words: str) -> None:
    told = status(deployment(1, 0), [found])

    assert (told.phase, condition(told).status, condition(told).reason) == ("Failing", "False", reason)
    assert words in condition(told).message


def test_a_container_that_was_just_restarted_still_counts_as_crashing() -> None:
    def restarted(seconds_ago: int) -> str:
        started = (NOW - timedelta(seconds=seconds_ago)).isoformat()
        found = pod({"running": {"startedAt": started}}, restartCount=1)
        return condition(status(deployment(), [found])).reason

    assert restarted(5) == "Crashing"
    assert restarted(60) == "RolledOut"


def test_pods_that_leave_do_not_count() -> None:
    leaving = waiting("ImagePullBackOff")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"

    assert condition(status(deployment(), [leaving])).reason == "RolledOut"


def test_refused_pods_and_full_nodes_are_told() -> None:
    failed = {
        "type": "ReplicaFailure",
        "status": "True",
        "message": 'pods "a-1" is forbidden: exceeded quota',
    }
    refused = status(deployment(1, 0, conditions=[failed]))
    no_node = {
        "metadata": {"name": "p"},
        "status": {"conditions": [{"type": "PodScheduled", "status": "False"}]},
    }

    assert condition(refused).reason == "PodsRefused"
    assert "the pod is forbidden: exceeded quota" in condition(refused).message
    assert condition(status(deployment(1, 0), [no_node])).reason == "Unschedulable"


def test_a_hindrance_goes_before_the_rollout() -> None:
    told = status(deployment(), hindrance=("SecretMissing", "Create it."))
    new = status(None, hindrance=("NamespaceWithoutTenant", "Label it."))

    assert (told.phase, condition(told).reason) == ("Failing", "SecretMissing")
    assert (new.phase, condition(new).reason) == ("Pending", "NamespaceWithoutTenant")


def test_an_agent_that_an_admin_disabled_says_how_to_enable_it() -> None:
    told = status(deployment(), told=demand(state="disabled"))

    assert condition(told).reason == "Disabled"
    assert "oblivion agents enable fixer" in condition(told).message


def test_connected_counts_replicas_and_is_unknown_when_nobody_tells() -> None:
    assert condition(status(deployment(), told=demand(online=2)), "Connected").status == "True"
    assert condition(status(deployment(), told=demand(online=0)), "Connected").reason == "NotConnected"
    assert condition(status(deployment(), told=demand(online=None)), "Connected").status == "Unknown"
    assert condition(status(deployment()), "Connected").status == "Unknown"


def test_muted_says_until_when_and_why() -> None:
    muted = demand(muted_until=NOW + timedelta(minutes=5), mute_reason="12 messages in a minute")
    told = condition(status(deployment(), told=muted), "Muted")
    over = condition(status(deployment(), told=demand(muted_until=NOW)), "Muted")

    assert told.status == "True"
    assert told.message == "Until 2026-11-21 12:05:00 UTC: 12 messages in a minute"
    assert over.status == "False"


def test_over_budget_says_how_much_and_until_when() -> None:
    spender = agent(limits={"usdPerDay": 2})
    seen = Seen(deployment(), [], demand(over_budget=True, spent_today_usd=2.5))
    told = condition(describe(spender, seen, AgentStatus(), NOW), "OverBudget")

    assert told.status == "True"
    assert "2.50 of 2 US dollars" in told.message


def test_a_condition_keeps_the_moment_of_its_last_turn() -> None:
    seen = Seen(deployment(), [], demand())
    first = describe(agent(), seen, AgentStatus(), NOW)
    later = describe(agent(), seen, first, NOW + timedelta(hours=1))
    turned = describe(agent(), Seen(deployment(1, 0), [], demand()), first, NOW + timedelta(hours=1))

    assert later == first
    assert condition(turned).last_transition_time == NOW + timedelta(hours=1)
    assert condition(turned, "Connected").last_transition_time == NOW
