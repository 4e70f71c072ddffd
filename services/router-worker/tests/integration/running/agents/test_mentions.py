"""A mention becomes a run, its agent gets it, and the answer stands in the thread, once."""

import re

from oblivion_contracts.runs import RunState
from oblivion_platform import runs
from oblivion_platform.testing import eventually


async def test_a_mention_is_answered_in_its_thread_in_one_message(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("tell me a story")
        run = await squad.assigned()
        (working,) = await talk.said(asked, "Processing")

        async def seen():
            assert await talk.reactions(asked) == {"eyes"}
            (session,) = (await path.slack.threads(path.channel))["sessions"]
            assert (session["status"], session["title"]) == ("processing", "tell me a story")

        await eventually(seen)
        assert str(run.id) in str(working["blocks"])
        assert run.prompt == "tell me a story"
        assert run.place["is_public"] is True
        await squad.acknowledge(run)
        await squad.complete(run, "Once **upon** a time, <!channel> @here", cost_usd=0.0123)
        (message,) = await talk.said(asked, "Once *upon* a time")
        assert message["ts"] == working["ts"]
        assert "$0.0123" in str(message["blocks"])
        assert "*general*" in str(message["blocks"])
        assert re.search(r" · \d+(\.\d)? s · ", str(message["blocks"])), "how long it took"
        ana = (await path.slack.users())["ana"]
        assert str(message["blocks"]).count(f"<@{ana}>") == 1
        assert ana not in str(working["blocks"])
        assert "<!channel>" not in str(message)
        await path.settled()

        async def marked():
            assert await talk.reactions(asked) == {"white_check_mark"}

        await eventually(marked)
        assert await path.slack.session_status(path.channel, asked) == "active"


async def test_a_mention_is_stored_routed_and_given_to_its_agent_in_one_transaction(path, squad, talk):
    async with path.worker():
        await squad.online("fixer")
        await talk.ask("@fixer the build")
        run = await squad.assigned()
        steps = await path.rows(
            "SELECT seq, data ->> 'state' AS state, xmin::text FROM run_events ORDER BY seq"
        )
        assert [step["state"] for step in steps] == ["queued", "routed", "assigned"]
        assert len({step["xmin"] for step in steps}) == 1
        assert run.fence == 1


async def test_a_mention_and_its_answer_are_four_effects(path, squad, talk):
    async with path.worker(), squad.answering("fixer", "all mended"):
        asked = await talk.ask("@fixer the build")
        await talk.said(asked, "all mended")
        await path.settled()
        kinds = [row["kind"] for row in await path.rows("SELECT kind FROM outbox ORDER BY seq")]
        assert kinds == ["slack.run_post", "slack.set_reaction", "slack.run_answer", "slack.set_reaction"]
        assert await talk.reactions(asked) == {"white_check_mark"}
        assert await path.slack.session_status(path.channel, asked) == "active"


async def test_a_follow_up_goes_on_with_the_thread_s_agent_and_session(path, squad, talk):
    async with path.worker(), squad.answering("fixer", "all mended"):
        asked = await talk.ask("@fixer the build")
        await talk.said(asked, "all mended")
        again = await talk.ask("and once more please", thread_ts=asked)

        async def both_done():
            found = await squad.all_runs()
            assert [run.state for run in found] == [RunState.SUCCEEDED] * 2
            return found

        first, second = await eventually(both_done)
        assert first.agent_id == second.agent_id == squad.ids["fixer"]
        assert first.session_id == second.session_id
        assert second.place["question_ts"] == again

        async def both_kept():
            messages = await path.rows("SELECT role FROM session_messages ORDER BY seq")
            assert [m["role"] for m in messages] == ["user", "agent", "user", "agent"]

        await eventually(both_kept)


async def first_words(path, run):
    """The run's message as it was posted, before any edit."""
    (posted,) = await path.rows(
        "SELECT payload FROM outbox WHERE kind = 'slack.run_post' AND run_id = :r", r=run.id
    )
    return str(posted["payload"])


async def test_the_first_words_say_how_long_it_usually_takes_who_is_named_or_in_the_thread(path, squad, talk):
    async with path.worker(), squad.answering("fixer", "all mended"):
        asked = await talk.ask("@fixer the build")
        await talk.said(asked, "all mended")
        (before,) = await squad.all_runs()
        assert "usually" not in await first_words(path, before)
        await path.run("UPDATE runs SET created_at = finished_at - interval '42 s'")
        await talk.ask("and once more please", thread_ts=asked)
        elsewhere = await talk.ask("@fixer the tests too")
        await talk.said(elsewhere, "all mended")

        async def all_asked():
            found = await squad.all_runs()
            assert len(found) == 3
            return found[1:]

        for run in await eventually(all_asked):
            words = await first_words(path, run)
            assert "Processing" in words
            assert "usually 42 s" in words or "usually 21 s" in words


async def test_what_was_said_in_the_thread_before_goes_along(path, squad, talk):
    async with path.worker():
        await squad.online("fixer")
        root = (await path.slack.post(path.channel, "we should ship on Friday", user="ben"))["ts"]
        await path.slack.post(path.channel, "Monday is better", user="ana", thread_ts=root)
        await talk.ask("@fixer summarise this thread", thread_ts=root)
        await squad.assigned()
        said = [m["body"] for m in await path.rows("SELECT body FROM session_messages ORDER BY seq")]
        assert said == ["we should ship on Friday", "Monday is better", "@fixer summarise this thread"]


async def test_a_message_in_a_thread_at_work_reaches_the_running_agent(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        again = await talk.ask("make it short", thread_ts=asked)
        await path.settled()
        await path.slack.post(path.channel, "and funny", user="ben", thread_ts=asked)
        await path.settled()
        assert len(await squad.all_runs()) == 1
        said = await path.rows(
            "SELECT body, asked_run_id, place ->> 'question_ts' AS ts FROM session_messages ORDER BY seq"
        )
        assert [tuple(each.values()) for each in said] == [
            ("write a poem", None, None),
            ("make it short", run.id, again),
            ("and funny", None, None),
        ]


async def test_a_question_to_a_run_that_is_given_up_becomes_a_run_of_its_own(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        again = await talk.ask("make it short", thread_ts=asked)

        async def told():
            assert await path.rows("SELECT 1 FROM session_messages WHERE asked_run_id IS NOT NULL")

        await eventually(told)
        await path.run(
            "UPDATE runs SET deadline_at = now() - interval '1 s', wake_at = now() - interval '1 h'"
        )
        later = await squad.assigned(within_s=30)
        assert (later.prompt, later.place["question_ts"]) == ("make it short", again)
        assert (await squad.read(run.id)).state is RunState.FAILED


async def test_a_run_that_ends_while_it_is_told_of_a_question_is_not_told(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        thread = run.thread
        async with squad.database.tenant(squad.tenant_id) as ending:
            await runs.complete(ending, run.id, run.fence, "roses are red", None)
            again = await talk.ask("make it short", thread_ts=asked)

            async def waits():
                waiting = await path.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                assert waiting

            await eventually(waits)
        later = await squad.assigned()
        assert (later.thread, later.prompt, later.place["question_ts"]) == (thread, "make it short", again)


async def test_a_second_run_of_a_thread_waits_for_the_first(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        await squad.online("fixer")
        asked = await talk.ask("write a poem")
        first = await squad.assigned()
        await squad.acknowledge(first)
        await talk.ask("@fixer mend the build", thread_ts=asked)
        await talk.said(asked, "waits for the one before it")
        await path.settled()
        assert [run.state for run in await squad.all_runs()] == [RunState.RUNNING, RunState.QUEUED]
        await squad.complete(first, "roses are red")
        second = await squad.assigned()
        assert second.agent_id == squad.ids["fixer"]


async def test_a_direct_message_needs_no_mention(path, squad):
    async with path.worker(), squad.answering("general", "hello to you"):
        channel = await path.slack.dm("ana")
        await path.slack.post(channel, "hello", user="ana")
        message = await path.slack.wait_for_message(channel, lambda m: "hello to you" in str(m["blocks"]))
        assert message["thread_ts"]


async def test_an_edited_question_is_told_and_a_deleted_one_stops_the_run(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        bot = (await path.slack.app())["bot_user_id"]
        await path.slack.edit(path.channel, asked, f"<@{bot}> write two poems")

        async def told():
            assert (await squad.read(run.id)).prompt == "write two poems"

        await eventually(told)
        await path.slack.delete(path.channel, asked)

        async def stopped():
            assert (await squad.read(run.id)).state is RunState.CANCELLED

        await eventually(stopped)
        await path.settled()


async def test_strangers_are_refused_politely_where_the_tenant_says_so(path, squad, talk):
    await path.run("""UPDATE tenants SET settings = '{"unknown_users": "refuse"}'""")
    async with path.worker():
        await talk.ask("tell me a secret")
        await talk.whispered("not known to Oblivion")
        assert await squad.all_runs() == []


async def test_who_asks_too_often_is_told_when_to_come_back(path, squad, talk):
    async with path.worker(user_requests_per_minute=1):
        await talk.ask("one")
        await talk.ask("two")
        await talk.whispered("try again in")
        assert len(await squad.all_runs()) == 1


async def test_nothing_said_but_the_name_gets_help(path, squad, talk):
    async with path.worker():
        await talk.ask("")
        await talk.whispered("Mention me with a question")
        assert await squad.all_runs() == []


async def test_an_agent_that_is_not_online_is_waited_for(path, squad, talk):
    async with path.worker(agent_wait_s=0.2):
        asked = await talk.ask("@fixer mend the build")
        await talk.said(asked, "is not online")
        await squad.online("fixer")
        run = await squad.assigned()
        assert run.agent_id == squad.ids["fixer"]


async def test_progress_is_edited_into_the_message_and_never_after_the_answer(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("count to ten")
        run = await squad.assigned()
        await squad.acknowledge(run)
        step = lambda tx: runs.progress(tx, run.id, run.fence, percent=40, words="at four", usage=None)  # noqa: E731
        await squad.step(step)
        await talk.said(asked, "40 %")
        await squad.step(lambda tx: runs.say(tx, run.id, run.fence, "this takes a moment"))
        await talk.said(asked, "this takes a moment")
        late = lambda tx: runs.progress(tx, run.id, run.fence, percent=90, words="at nine", usage=None)  # noqa: E731
        await squad.step(late)
        await squad.complete(run, "ten")
        messages = await talk.said(asked, "ten")
        await path.settled()
        assert len(messages) == 2
        assert not any("at nine" in str(m) for m in await path.thread(asked))


async def test_a_failure_is_told_politely_with_the_run_s_id(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("do the impossible")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await squad.fail(run, "The model does not answer. Try again in a minute.")
        (message,) = await talk.said(asked, "The model does not answer")
        assert str(run.id) in str(message["blocks"])

        async def marked():
            assert await talk.reactions(asked) == {"x"}

        await eventually(marked)


async def test_a_long_answer_is_split(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("everything about it")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await squad.complete(run, "\n\n".join(f"Paragraph {number} " + "word " * 100 for number in range(20)))
        messages = await talk.said(asked, "Paragraph 19")
        assert len(messages) > 1
        assert "Paragraph 0 " in str(messages[0])


async def test_a_lost_lease_goes_to_another_replica_and_three_end_the_run(path, squad, talk):
    async with path.worker(run_lease_s=1.0, run_sweep_every_s=0.1):
        await squad.online("general")
        asked = await talk.ask("hold this")
        first = await squad.assigned(fence=1)
        second = await squad.assigned(fence=2)
        assert second.id == first.id
        await talk.said(asked, "went away several times")
        assert (await squad.read(first.id)).failure.code == "leases_lost"


async def test_who_is_refused_does_not_steer_a_running_agent(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await path.run("""UPDATE tenants SET settings = '{"unknown_users": "refuse"}'""")
        await path.slack.post(path.channel, "delete everything", user="ben", thread_ts=asked)
        await path.slack.post(path.channel, "make it short", user="ana", thread_ts=asked)
        await path.settled()
        said = await path.rows(
            "SELECT m.role, m.body, u.name FROM session_messages m LEFT JOIN users u ON u.id = m.user_id"
            " ORDER BY m.seq"
        )
        assert [(each["role"], each["body"], each["name"]) for each in said] == [
            ("user", "write a poem", "ana"),
            ("system", "delete everything", None),
            ("user", "make it short", "ana"),
        ]


async def test_what_was_said_before_the_agent_was_called_is_whose_it_was(path, squad, talk):
    async with path.worker():
        await squad.online("general")
        await talk.ask("write a poem")  # So ana is known, and ben is not.
        await squad.assigned()
        root = (await path.slack.post(path.channel, "what shall we do?", user="ana"))["ts"]
        await path.slack.post(path.channel, "delete everything", user="ben", thread_ts=root)
        await path.settled()
        await talk.ask("help us", thread_ts=root)

        async def all_said():
            rows = await path.rows(
                "SELECT m.body, u.name FROM session_messages m JOIN sessions s ON s.id = m.session_id"
                " LEFT JOIN users u ON u.id = m.user_id WHERE s.thread LIKE :thread ORDER BY m.seq",
                thread=f"%{root}",
            )
            assert [(each["body"], each["name"]) for each in rows] == [
                ("what shall we do?", "ana"),
                ("delete everything", None),
                ("help us", "ana"),
            ]

        await eventually(all_said)


async def test_a_flood_of_replies_steers_no_running_agent(path, squad, talk):
    async with path.worker(user_requests_per_minute=2):
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        for words in ("shorter", "longer"):
            await path.slack.post(path.channel, words, user="ana", thread_ts=asked)
            await path.settled()
        said = await path.rows("SELECT role FROM session_messages ORDER BY seq")
        assert [each["role"] for each in said] == ["user", "user", "system"]


async def test_a_thread_that_cannot_be_read_does_not_keep_a_question_from_its_agent(path, squad, talk):
    async with path.worker():
        await squad.online("fixer")
        root = (await path.slack.post(path.channel, "we should ship on Friday", user="ben"))["ts"]
        await path.slack.misbehave("conversations.replies", "error", code="missing_scope")
        await talk.ask("@fixer what about Monday?", thread_ts=root)
        assert (await squad.assigned()).prompt == "@fixer what about Monday?"
