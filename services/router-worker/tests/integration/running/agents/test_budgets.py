"""What an agent may spend in a day."""

from oblivion_contracts.agents import AgentDefinition, AgentLimits
from oblivion_platform.agents import update_agent


async def test_an_agent_that_has_spent_its_day_s_money_takes_no_more_work_until_tomorrow(path, squad, talk):
    definition = AgentDefinition(limits=AgentLimits(usd_per_day=1.0))
    async with squad.database.tenant(squad.tenant_id) as tx:
        await update_agent(tx, squad.tenant_id, squad.ids["fixer"], definition)
    async with path.worker():
        await squad.online("fixer")
        await talk.ask("@fixer mend the build")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await squad.complete(run, "mended", cost_usd=1.0)
        # An hour ahead, and of today although midnight should come before more is asked.
        await path.run("UPDATE runs SET created_at = created_at + interval '1 hour'")
        refused = await talk.ask("@fixer and the tests")
        await talk.said(refused, "used up what it may spend in a day")
        failures = [each.failure.code for each in await squad.all_runs() if each.failure]
        assert failures == ["over_budget"]
        await path.run("UPDATE runs SET created_at = created_at - interval '2 days'")
        await talk.ask("@fixer and now?")
        assert (await squad.assigned()).prompt == "@fixer and now?"
