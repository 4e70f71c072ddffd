"""A mirrored task calls an agent: by mention, assignee, tag or status, in its text or a comment."""

import json

import pytest

from oblivion_contracts.runs import RunSource
from oblivion_platform import runs
from oblivion_platform.testing import eventually


async def options(path, **agents):
    value = json.dumps({"agents": agents})
    await path.run("UPDATE project_mappings SET options = CAST(:o AS jsonb)", o=value)


async def comments_with(path, task_id, words):
    async def found():
        comments = [c for c in await path.comments(task_id) if words in c["comment_text"]]
        assert len(comments) == 1, [c["comment_text"] for c in await path.comments(task_id)]
        return comments[0]

    return await eventually(found)


async def test_a_mention_in_a_task_is_answered_in_its_thread_and_as_a_comment(path, squad, talk):
    await options(
        path, answer_as_comment=True, status_map={"running": "in progress", "succeeded": "complete"}
    )
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it", description="please @fixit, soon")
        run = await squad.assigned()
        assert run.source is RunSource.CLICKUP
        assert run.agent_id == squad.ids["fixer"]
        assert "Mend it" in run.prompt
        await squad.acknowledge(run)
        root = await path.message_of(task["id"])
        await talk.said(root["ts"], "Processing")
        await squad.complete(run, "It is **mended**")
        await talk.said(root["ts"], "It is *mended*")
        comment = await comments_with(path, task["id"], "It is mended")
        assert str(run.id) in comment["comment_text"]
        await path.settled()
        # The answer's comment does not come back into the thread.
        assert len([m for m in await path.thread(root["ts"]) if m.get("bot_id")]) == 1
        assert len(await squad.all_runs()) == 1


async def test_a_comment_that_names_an_agent_is_answered_in_its_own_thread(path, squad, talk):
    await options(path, answer_as_comment=True)
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it")
        root = await path.message_of(task["id"])
        asked = await path.clickup.comment(task["id"], "@fixer can you?", user="ben")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await squad.complete(run, "I can")
        await talk.said(root["ts"], "I can")
        await path.settled()
        (sent,) = await path.rows("SELECT payload, result FROM outbox WHERE kind = 'clickup.run_comment'")
        assert sent["payload"]["reply_to"] == str(asked["id"])
        assert sent["result"]["made"]
        (shown,) = [each for each in await path.comments(task["id"]) if each["id"] == str(asked["id"])]
        assert shown["reply_count"] == "1", "the answer stands under the comment that asked"


async def test_a_task_given_to_an_agent_by_status_calls_it_once(path, squad):
    await options(path, statuses={"in progress": "fixer"})
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it")
        await path.message_of(task["id"])
        await path.clickup.update_task(task["id"], status="in progress")
        run = await squad.assigned()
        assert run.agent_id == squad.ids["fixer"]
        await path.clickup.update_task(task["id"], name="Mend it well")
        await path.settled()
        assert len(await squad.all_runs()) == 1


async def test_a_task_that_calls_nobody_makes_no_run(path, squad):
    async with path.worker():
        task = await path.clickup.create_task(path.list_id, "Mend it", description="write to a@fixer.com")
        await path.message_of(task["id"])
        await path.settled()
        assert await squad.all_runs() == []
        assert await path.rows("SELECT id FROM sessions") == []


async def people(path, state="active", *, user="ben"):
    """Of ClickUp, as an admin has made them known."""
    tenant = (await path.rows("SELECT id FROM tenants"))[0]["id"]
    (known,) = await path.rows(
        "INSERT INTO users (id, tenant_id, name, role, state)"
        " VALUES (gen_random_uuid(), :t, :n, 'user', :s) RETURNING id",
        t=tenant,
        n=user,
        s=state,
    )
    await path.run(
        "INSERT INTO user_identities (id, tenant_id, user_id, provider, subject)"
        " VALUES (gen_random_uuid(), :t, :u, 'clickup', :s)",
        t=tenant,
        u=known["id"],
        s=str((await path.clickup.users())[user]["user"]["id"]),
    )
    return known["id"]


async def outcomes(path, event_type):
    rows = await path.rows(
        "SELECT outcome FROM inbound_events WHERE event_type = :e ORDER BY received_at, id", e=event_type
    )
    return [row["outcome"] for row in rows]


async def test_strangers_in_clickup_call_nobody_where_the_tenant_refuses_them(path, squad, talk):
    await path.run("""UPDATE tenants SET settings = '{"unknown_users": "refuse"}'""")
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it")
        root = await path.message_of(task["id"])
        await path.clickup.comment(task["id"], "@fixer can you?", user="ben")
        await talk.said(root["ts"], "is not known to Oblivion")
        await people(path)
        await path.clickup.comment(task["id"], "@fixer can you now?", user="ben")
        run = await squad.assigned()
        assert [run.requested_by for run in await squad.all_runs()] == ["ben"]
        assert "can you now" in run.prompt
        assert await outcomes(path, "taskCommentPosted") == ["refused:unknown_user", "asked"]


async def test_who_was_disabled_calls_nobody_from_clickup(path, squad):
    await people(path, "disabled")
    async with path.worker():
        task = await path.clickup.create_task(path.list_id, "Mend it")
        await path.message_of(task["id"])
        await path.clickup.comment(task["id"], "@fixer can you?", user="ben")
        await path.settled()
        assert await outcomes(path, "taskCommentPosted") == ["refused:unknown_user"]
        assert await squad.all_runs() == []


async def test_who_calls_from_clickup_too_often_is_refused_and_told_so(path, squad, talk):
    async with path.worker(user_requests_per_minute=1):
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it")
        root = await path.message_of(task["id"])
        for words in ("@fixer one", "@fixer two"):
            await path.clickup.comment(task["id"], words, user="ben")
            await path.settled()
        await talk.said(root["ts"], "called agents too often")
        assert await outcomes(path, "taskCommentPosted") == ["asked", "refused:rate_limit"]
        assert len(await squad.all_runs()) == 1


async def test_a_call_that_nobody_saw_is_nobody_s_and_only_for_a_known_creator_s_task(path, squad):
    await path.run("""UPDATE tenants SET settings = '{"unknown_users": "refuse"}'""")
    await people(path)
    async with path.worker() as worker:
        await squad.online("fixer")
        await worker.watchdog()
        (webhook,) = await path.clickup.webhooks()
        await path.clickup.change_webhook(webhook["id"], status="suspended")
        for user in ("ana", "ben"):
            words = f"@fixer for {user}"
            await path.clickup.create_task(path.list_id, "Mend it", description=words, user=user)
        await path.settled()
        await worker.watchdog()
        run = await squad.assigned()
        await path.settled()
        assert "@fixer for ben" in run.prompt
        assert [(each.user_id, each.requested_by) for each in await squad.all_runs()] == [(None, "")]
        found = await outcomes(path, "gapTask")
        assert found.count("asked") == found.count("refused:unknown_user") == 1


async def test_a_question_on_a_task_is_assigned_to_the_asker_until_it_is_answered(path, squad, talk):
    await options(path, answer_as_comment=True, status_map={"waiting": "review", "running": "in progress"})
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(
            path.list_id, "Mend it", description="please @fixit", user="ben"
        )
        run = await squad.assigned()
        await squad.acknowledge(run)
        ben = (await path.clickup.users())["ben"]["user"]["id"]
        approval, _ = await squad.step(lambda tx: runs.ask(tx, run.id, run.fence, "k", "Delete it?", ""))
        comment = await comments_with(path, task["id"], "asks for approval")
        assert comment["assignee"]["id"] == ben
        assert comment["resolved"] is False
        root = await path.message_of(task["id"])
        await talk.said(root["ts"], "Delete it?")
        await status_becomes(path, task["id"], "review")
        await squad.step(
            lambda tx: runs.answer(
                tx, approval.id, approved=True, user_id=None, name="Ana <!here>", comment=""
            )
        )

        async def closed():
            found = await comments_with(path, task["id"], "Approved by Ana")
            assert found["id"] == comment["id"]
            assert found["resolved"] is True
            assert "@here" not in found["comment_text"]

        await eventually(closed)
        await status_becomes(path, task["id"], "in progress")
        await path.settled()
        # Neither the question's comment nor its end comes back into the thread.
        said = [m for m in await path.thread(root["ts"]) if m.get("bot_id")]
        assert len(said) == 2


async def test_the_answer_s_comment_mentions_who_asked_and_says_it_where_it_was_asked(path, squad):
    await options(path, answer_as_comment=True)
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it", description="@fixer?", user="ben")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await squad.complete(run, "I can")
        await comments_with(path, task["id"], "I can")
        ben = (await path.clickup.users())["ben"]["user"]["id"]
        (sent,) = await path.rows("SELECT payload FROM outbox WHERE kind = 'clickup.run_comment'")
        assert sent["payload"]["comment"][0] == {"type": "tag", "user": {"id": ben}}


@pytest.mark.parametrize("gesture", ["assignee", "tag"])
async def test_a_task_that_is_given_or_tagged_calls_the_agent(path, squad, gesture):
    ana = (await path.clickup.users())["ana"]["user"]["id"]
    await options(path, assignees={str(ana): "fixer"}, tags={"For-Fixer": "fixer"})
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it")
        await path.message_of(task["id"])
        change = {"assignees": {"add": [ana]}} if gesture == "assignee" else {"tags": ["for-fixer"]}
        await path.clickup.update_task(task["id"], **change)
        run = await squad.assigned()
        assert run.agent_id == squad.ids["fixer"]
        await path.settled()
        assert len(await squad.all_runs()) == 1


async def test_a_status_that_the_list_does_not_have_is_left_out(path, squad, talk):
    await options(path, status_map={"running": "no such status", "succeeded": "complete"})
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it", description="@fixer?")
        run = await squad.assigned()
        await squad.acknowledge(run)

        async def left_out():
            moves = await path.rows("SELECT result FROM outbox WHERE kind = 'clickup.move_task'")
            assert moves == [{"result": {"skipped": "status_unknown"}}]

        await eventually(left_out)
        await squad.complete(run, "I can")
        await status_becomes(path, task["id"], "complete")


async def status_becomes(path, task_id, status):
    async def is_so():
        tasks = [task for task in await path.clickup.tasks(path.list_id) if task["id"] == task_id]
        assert [task["status"]["status"] for task in tasks] == [status]

    await eventually(is_so)


async def test_a_task_tagged_while_a_run_is_at_work_gets_a_run_behind_it(path, squad, talk):
    await options(path, statuses={"in progress": "fixer"}, tags={"check": "analysis"})
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it")
        root = await path.message_of(task["id"])
        await path.clickup.update_task(task["id"], status="in progress", user="ben")
        first = await squad.assigned()
        await squad.acknowledge(first)
        await path.clickup.update_task(task["id"], tags=["check"], user="ana")
        await talk.said(root["ts"], "waits for the one before it")
        await squad.online("analysis")
        await squad.complete(first, "mended")
        second = await squad.assigned()
        assert (second.agent_id, second.requested_by) == (squad.ids["analysis"], "ana")


async def test_where_a_run_moves_its_own_task_to_nobody_is_called(path, squad):
    await own_account(path)
    await options(path, statuses={"in progress": "analysis"}, status_map={"running": "in progress"})
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it", description="@fixer", user="ben")
        await squad.acknowledge(await squad.assigned())
        await status_becomes(path, task["id"], "in progress")
        await path.settled()
        assert len(await squad.all_runs()) == 1


async def test_who_calls_with_our_own_account_while_a_run_is_at_work_is_told_to_wait(path, squad, talk):
    await own_account(path)
    await options(path, tags={"check": "analysis"})
    async with path.worker():
        await squad.online("fixer")
        task = await path.clickup.create_task(path.list_id, "Mend it", description="@fixer", user="ben")
        await squad.acknowledge(await squad.assigned())
        await path.clickup.update_task(task["id"], tags=["check"])
        root = await path.message_of(task["id"])
        await talk.said(root["ts"], "while one is at work here")
        assert len(await squad.all_runs()) == 1


async def own_account(path):
    """Whose token it is stands in the integration, as connecting writes it."""
    owner = (await path.clickup.owner())["user"]["id"]
    sql = "UPDATE integrations SET config = config || jsonb_build_object('owner_id', CAST(:o AS text))"
    await path.run(f"{sql} WHERE source = 'clickup'", o=str(owner))


async def test_a_task_s_conversation_is_theirs_who_called_the_agent_first(path, squad):
    ben = await people(path)
    async with path.worker():
        task = await path.clickup.create_task(path.list_id, "Mend it", user="ana")
        await path.message_of(task["id"])
        for user in ("ben", "ana"):
            await path.clickup.comment(task["id"], "@fixer can you?", user=user)
            await path.settled()
        (session,) = await path.rows("SELECT user_id FROM sessions")
        assert session["user_id"] == ben
