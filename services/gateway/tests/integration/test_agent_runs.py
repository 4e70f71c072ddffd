"""An agent's run over the socket, from hello to the answer, on a real gateway, Postgres and Redis."""

from typing import Any

import pytest

from oblivion_contracts.agent_socket import TaskAssigned
from oblivion_contracts.runs import RunState
from oblivion_gateway.testing_agents import about, work

pytestmark = pytest.mark.integration


async def test_a_run_goes_from_hello_to_its_answer(office: Any) -> None:
    agent = await office.agent()
    run_id = await office.dispatcher.new_run(office.tenant.id, office.agent_id, "say hello")
    await office.dispatcher.assign(office.tenant.id, run_id)
    assigned = await agent.next(TaskAssigned)
    assert (assigned.run_id, assigned.prompt, assigned.messages) == (run_id, "say hello", [])
    assert (await agent.call("task.ack", about(assigned))).ok
    assert (await office.dispatcher.read(office.tenant.id, run_id)).state is RunState.RUNNING
    assert (await agent.call("task.completed", {**about(assigned), "answer": "hello"})).ok
    run = await office.dispatcher.read(office.tenant.id, run_id)
    assert (run.state, run.result) == (RunState.SUCCEEDED, "hello")


async def test_an_acknowledged_run_is_not_sent_again(office: Any) -> None:
    agent = await office.agent()
    assigned = await work(agent, office.dispatcher, office.tenant.id, office.agent_id)
    assert agent.heard(TaskAssigned) == [assigned]
