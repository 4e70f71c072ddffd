"""A task in ClickUp calls an agent, as its list's mapping says; the answer is in Slack and on the task."""

from uuid import uuid4

import pytest
import pytest_asyncio

from oblivion_platform.testing import eventually
from tests.agents.world import Talk

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]


class Launch:
    """A list, and the channel that it is linked to."""

    def __init__(self, clickup, list_id, talk):
        self.clickup = clickup
        self.list_id = list_id
        self.talk = talk

    async def file(self, name, **fields):
        return await self.clickup.create_task(self.list_id, name, user="ana", **fields)

    async def card(self, name):
        """The task's message in the channel."""
        found = await self.talk.slack.wait_for_message(
            self.talk.channel, lambda message: name in str(message), within_s=30
        )
        return found["ts"]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def launch(world):
    name = f"tasks-{uuid4().hex[:8]}"
    channel = await world.control.slack.add_channel(name)
    list_id = await world.control.clickup.add_list(name)
    await world.system.command(
        *("mappings", "link", name, f"#{name}", "--default-agent", "keeper", "--answer-as-comment"),
        *("--on-assignee", "ben=keeper", "--on-tag", "robot=keeper", "--on-status", "in progress=keeper"),
        *("--move", "succeeded=review"),
    )
    return Launch(world.control.clickup, list_id, Talk(world, channel))


async def by_mention(launch, task):
    await launch.clickup.update_task(task["id"], markdown_content="@AI_Squad, please do it")


async def by_assignee(launch, task):
    await launch.clickup.update_task(task["id"], assignees={"add": ["ben"], "rem": []})


async def by_tag(launch, task):
    await launch.clickup.update_task(task["id"], tags=["robot"])


async def by_status(launch, task):
    await launch.clickup.update_task(task["id"], status="in progress")


@pytest.mark.parametrize("call", [by_mention, by_assignee, by_tag, by_status])
async def test_a_task_is_answered_in_its_thread_and_on_the_task_and_moves_on(launch, call):
    name = f"Mend the fence {uuid4().hex[:6]}"
    task = await launch.file(name)
    root = await launch.card(name)
    await call(launch, task)
    await launch.talk.said(root, f"You said “{name}")

    async def commented_and_moved():
        comments = await launch.clickup.comments(task["id"])
        assert [name in comment["comment_text"] for comment in comments] == [True], comments
        (now,) = [each for each in await launch.clickup.tasks(launch.list_id) if each["id"] == task["id"]]
        assert now["status"]["status"] == "review"

    await eventually(commented_and_moved)
    assert len(await launch.talk.ours(root)) == 1


async def test_a_task_filed_with_the_squads_name_is_answered_at_once(launch):
    name = f"Paint the gate {uuid4().hex[:6]}"
    await launch.file(name, markdown_content="@AI_Squad please")
    answer = await launch.talk.said(await launch.card(name), "You said")
    assert name in str(answer)


async def test_a_tasks_conversation_goes_on_over_rest_and_its_thread_sees_it_by_a_switch(world, launch):
    name = f"Sweep the yard {uuid4().hex[:6]}"
    task = await launch.file(name, markdown_content="@AI_Squad please")
    root = await launch.card(name)
    await launch.talk.said(root, "You said")
    async with world.signed_in() as browser:
        sessions = (await browser.get("/api/sessions")).json()["items"]
        (session,) = [each for each in sessions if (each["thread"] or "").endswith(f":{task['id']}")]
        address = f"/api/sessions/{session['id']}/messages"
        hidden = await browser.post(address, json={"text": "between us", "visible_in_slack": False})
        assert hidden.status_code == 202, hidden.text
        shown = await browser.post(address, json={"text": "let all see", "visible_in_slack": True})
        assert shown.status_code == 202, shown.text
        answer = await launch.talk.said(root, "You said “let all see”")
        assert "between us" in str(answer), "the agent knows what Slack does not"
    said = await launch.talk.ours(root)
    assert not any("You said “between us”" in str(message) for message in said)
    assert any("(api): let all see" in str(message) for message in said)
