"""A creation that is first in its destination is leased as it is decided: its sender claims nothing."""

import time

from oblivion_router_worker.adapters.postgres_outbox import PostgresOutbox
from oblivion_router_worker.domain.effects import PostTask, UpdateTask
from oblivion_router_worker.domain.run_effects import PROGRESS_TS, RunAnswer, RunEdit

LEASE_S = 30.0


async def lease(post, *effects, lease_s=LEASE_S):
    async with post.database.tenant(post.tenant_id) as tx:
        outbox = PostgresOutbox(tx, post.tenant_id, lease_s)
        return [await outbox.add(effect) for effect in effects]


async def task_of(post, words):
    return post.effect(PostTask(post.channel, words, []), await post.task())


async def test_the_first_of_a_destination_is_ours_and_the_next_waits_behind_it(post):
    first, second = await task_of(post, "first"), await task_of(post, "second")
    leased, waiting = await lease(post, first, second)
    assert waiting is None
    assert (leased.effect, leased.attempt, leased.channel) == (first, 1, post.channel)
    assert 0 < leased.lease_ends_at - time.monotonic() <= LEASE_S
    assert await post.states(first, second) == ["sending", "pending"]


async def test_nothing_is_leased_where_something_waits_already(post):
    before = await post.post_task("before")
    after = await task_of(post, "after")
    assert await lease(post, after) == [None]
    assert await post.states(before, after) == ["pending", "pending"]


async def test_changes_are_never_leased_ahead(post):
    task = await post.task(slack_ts="1700000000.000100")
    assert await lease(post, post.effect(UpdateTask("words", []), task)) == [None]


async def test_what_its_sender_hands_over_is_sent_in_order(post):
    first, second = await task_of(post, "first"), await task_of(post, "second")
    (leased, _) = await lease(post, first, second)
    async with post.deliverer(sweep_every_s=60, timeout_s=5.0) as deliverer:
        deliverer.kick(first.tenant_id, first.destination, leased)
        await post.settled()
    assert await post.texts() == ["first", "second"]
    assert [(await post.row(effect))["attempts"] for effect in (first, second)] == [1, 1]


async def test_a_worker_that_dies_between_the_commit_and_the_request_loses_nothing(post):
    effect = await task_of(post, "after the crash")
    assert (await lease(post, effect, lease_s=0.1))[0] is not None
    await post.delivered()
    assert await post.texts() == ["after the crash"]


async def test_an_answer_is_leased_where_the_edit_that_it_replaces_has_not_left(post):
    edit = post.effect(RunEdit(post.channel, PROGRESS_TS, "40 %", []), None)
    answer = post.effect(RunAnswer(post.channel, None, "done", []), None)
    await post.decide(edit)
    (leased,) = await lease(post, answer)
    assert (leased.effect, leased.attempt) == (answer, 1)
    assert await post.states(edit, answer) == ["superseded", "sending"]


async def test_an_answer_waits_as_long_as_the_edit_that_it_replaces_had_to(post):
    edit = post.effect(RunEdit(post.channel, PROGRESS_TS, "40 %", []), None)
    answer = post.effect(RunAnswer(post.channel, None, "done", []), None)
    await post.decide(edit)
    await post.run("UPDATE outbox SET next_attempt_at = now() + interval '1 minute'")
    assert await lease(post, answer) == [None]
    assert await post.states(edit, answer) == ["superseded", "pending"]
    assert await post.rows("SELECT 1 FROM outbox WHERE kind = 'slack.run_answer' AND next_attempt_at > now()")
