"""What people ask over REST and by mention is one count."""

from oblivion_gateway.testing import running_world
from oblivion_platform.testing import FreshDatabase
from oblivion_router_worker.adapters.mention_limits import MentionLimits


async def test_mentions_and_requests_of_a_person_count_together(
    database: FreshDatabase, redis_url: str
) -> None:
    mentions = MentionLimits(redis_url, user_per_minute=4, tenant_per_minute=100)
    async with running_world(
        database, redis_url, user_requests_per_minute=4, tenant_requests_per_minute=100
    ) as world:
        tenant = await world.new_tenant()
        person, token = tenant.people["user"], await world.token(tenant, "user")
        assert [await mentions.take(tenant.id, person) for _ in range(2)] == [0, 0]
        asked = [await world.request("GET", "/api/me", token=token) for _ in range(3)]
        assert [answer.status_code for answer in asked] == [200, 200, 429]
        assert await mentions.take(tenant.id, person) > 0
        assert await mentions.take(tenant.id, tenant.people["guest"]) == 0
    await mentions.close()
