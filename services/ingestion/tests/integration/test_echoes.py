"""What our own bot did is stored like everything else, and needs no job."""

import pytest
import redis.asyncio

from oblivion_contracts.jobs import EventPriority
from oblivion_ingestion.testing import Running, World, message
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration


async def test_what_our_bot_did_is_stored_without_a_job(service: Running, world: World) -> None:
    whole = message()
    whole["authorizations"] = [{"team_id": whole["team_id"], "user_id": "UBOT", "is_bot": True}]
    echo = {**whole, "event": {**whole["event"], "user": "UBOT", "ts": "1700000009.000100"}}
    assert (await service.slack(echo)).status_code == 200
    assert (await service.slack(whole)).status_code == 200
    events = {event["priority"]: event["id"] for event in world.events()}
    async with redis.asyncio.Redis.from_url(world.redis_url) as client:

        async def the_other_has_one() -> None:
            assert await client.exists(f"bull:webhook-processing:{events[EventPriority.CREATION]}")

        await eventually(the_other_has_one)
        assert not await client.exists(f"bull:webhook-processing:{events[EventPriority.ECHO]}")
