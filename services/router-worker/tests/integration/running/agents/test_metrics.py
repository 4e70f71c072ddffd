"""What the router-worker's metrics say after runs: times, ends and errors, by agent, provider and tenant."""

import pytest
from prometheus_client import REGISTRY

from oblivion_platform.testing import eventually


def sample(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def since():
    """How much a sample has grown since it was first asked for."""
    before = {}

    def growth(name, **labels):
        now = sample(name, **labels)
        return now - before.setdefault((name, *sorted(labels.items())), now)

    return growth


async def test_runs_are_timed_and_counted_by_how_they_end_and_whose_they_are(path, squad, talk, since):
    tenant = str(squad.tenant_id)
    timed = [
        ("oblivion_run_enqueue_seconds_count", {"source": "slack"}),
        ("oblivion_run_processing_seconds_count", {"source": "slack", "state": "succeeded"}),
        ("oblivion_run_total_seconds_count", {"source": "slack", "state": "succeeded"}),
    ]
    of_fixer = {"tenant": tenant, "agent": "fixer"}
    ended = {**of_fixer, "source": "slack"}
    for name, labels in timed:
        since(name, **labels)
    async with path.worker(revive_every_s=0.2, run_sweep_every_s=0.1):
        await squad.online("fixer")
        for words, does in (("mend the build", squad.complete), ("mend the tests", squad.fail)):
            asked = await talk.ask(f"@fixer {words}")
            run = await squad.assigned()
            await squad.acknowledge(run)
            await does(run, "that is what became of it")
            await squad.hasten(run)
            await talk.said(asked, "that is what became of it")

        def counted():
            for state in ("succeeded", "failed"):
                assert sample("oblivion_runs_ended_total", state=state, **ended) == 1
            assert sample("oblivion_agent_errors_total", **of_fixer) == 1
            assert [since(name, **labels) for name, labels in timed] == [2, 1, 1]
            # The gateway, which is not here, would have them finished at once.
            states = ("completed", "delayed")
            assert sum(sample("oblivion_queue_jobs", queue="ai-agent-tasks", state=s) for s in states) == 2

        await eventually(counted)
        assert sample("oblivion_worker_concurrency", queue="ai-agent-tasks") == 5
        assert sample("oblivion_worker_jobs", queue="ai-agent-tasks") <= 5


async def test_what_slack_refuses_counts_against_slack_and_the_tenant(path, squad, talk):
    del squad
    await path.slack.misbehave("chat.postMessage", "error", code="internal_error", times=1)
    async with path.worker():
        asked = await talk.ask("@fixer mend the build")
        await talk.said(asked, "Processing")
    labels = {"tenant": str((await path.rows("SELECT id FROM tenants"))[0]["id"]), "provider": "slack"}
    errors = [
        each.value
        for metric in REGISTRY.collect()
        for each in metric.samples
        if each.name == "oblivion_provider_errors_total" and labels.items() <= each.labels.items()
    ]
    assert sum(errors) == 1


async def test_a_run_that_nobody_looks_after_shows_in_how_long_it_waits(path, squad, talk):
    async with path.worker(run_sweep_every_s=60) as worker:
        await talk.ask("@fixer mend the build")

        async def waits():
            assert [run.state.value for run in await squad.all_runs()] == ["waiting"]

        await eventually(waits)
        await path.run("UPDATE runs SET wake_at = now() - interval '100 s'")
        await worker.runs.revive()
        assert sample("oblivion_runs_overdue_seconds") >= 99
