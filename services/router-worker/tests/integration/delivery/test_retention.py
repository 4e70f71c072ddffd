"""What was sent is forgotten after the tenant's retention."""

import pytest

from oblivion_router_worker.adapters.postgres_sweeps import PostgresBodies
from oblivion_router_worker.usecases.sweeps import PurgeBodies


class Counted:
    """A watch that counts what was purged."""

    def __init__(self):
        self.bodies = 0

    def purged(self, count):
        self.bodies += count


@pytest.mark.parametrize("state", ["sent", "superseded", "discarded"])
async def test_a_settled_effect_past_its_retention_keeps_no_words(post, state):
    old, young = await post.post_task("old secret"), await post.post_task("young")
    await post.run("UPDATE outbox SET state = :state", state=state)
    await post.run("UPDATE outbox SET created_at = now() - interval '31 days' WHERE id = :id", id=old.id)

    watch = Counted()
    await PurgeBodies(PostgresBodies(post.database), watch)()
    assert (await post.row(old))["payload"] == {}
    assert (await post.row(young))["payload"]["text"] == "young"
    assert watch.bodies == 1


@pytest.mark.parametrize("state", ["pending", "sending", "dead"])
async def test_an_effect_that_may_yet_be_sent_is_kept_however_old(post, state):
    effect = await post.post_task("still wanted")
    await post.run("UPDATE outbox SET state = :state, created_at = now() - interval '1 year'", state=state)
    await PurgeBodies(PostgresBodies(post.database), Counted())()
    assert (await post.row(effect))["payload"]["text"] == "still wanted"
