"""Presence in Redis: for each agent a hash of its replicas, their loads, and when each was last written.

Ages are counted by Redis's own clock, so that gateways' clocks need not agree. What a replica runs is kept
apart from what it is: `pick` counts a run at once, long before its gateway tells of it. Beside them stands
the newest socket of each instance, so that one which replaces another, on any gateway, is known as that.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_contracts.identifiers import DEFAULT_TASK
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.presence.replicas import Place, Replica, presence_key

ResultT = TypeVar("ResultT")
AgentKey = tuple[UUID, UUID]
"""Tenant and agent."""

SILENT_AFTER_S = 30
KEPT_S = 120
REDIS_TIMEOUT_S = 2.0
AGENTS_PER_ROUND_TRIP = 200


class Presence:
    """Reads and writes presence; one per process."""

    def __init__(self, redis_url: str, *, silent_after_s: int = SILENT_AFTER_S) -> None:
        self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )
        self._silent_after_s = silent_after_s
        self._write = self._redis.register_script(_WRITE)
        self._read = self._redis.register_script(_READ)
        self._pick = self._redis.register_script(_PICK)
        self._depart = self._redis.register_script(_DEPART)

    async def write(self, replicas: Mapping[AgentKey, Sequence[Replica]]) -> None:
        """Say again, for all given, that they are there.

        Raises:
            DependencyUnavailable: Redis does not answer; some of them may have been written.
        """
        agents = list(replicas)
        for begin in range(0, len(agents), AGENTS_PER_ROUND_TRIP):
            pipeline = self._redis.pipeline(transaction=False)
            for agent in agents[begin : begin + AGENTS_PER_ROUND_TRIP]:
                await self._write(keys=_keys(agent), args=_arguments(replicas[agent]), client=pipeline)
            await _answered(pipeline.execute())

    async def withdraw(self, tenant_id: UUID, agent_id: UUID, sids: Sequence[str]) -> None:
        """They are gone.

        Raises:
            DependencyUnavailable: Redis does not answer; silence will drop them.
        """
        if not sids:
            return
        replicas, loads, seen = _keys((tenant_id, agent_id))
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hdel(replicas, *sids)
        pipeline.hdel(loads, *sids)
        pipeline.zrem(seen, *sids)
        await _answered(pipeline.execute())

    async def arrive(self, tenant_id: UUID, agent_id: UUID, instance: str, sid: str) -> bool:
        """This is the instance's newest socket from now on; tells whether it is its first.

        Raises:
            DependencyUnavailable: Redis does not answer.
        """
        key = _instance_key(tenant_id, agent_id, instance)
        newest = await _answered(self._redis.set(key, sid, ex=KEPT_S, get=True))
        return newest in (None, sid.encode())  # Its own: `write` was quicker.

    async def depart(self, tenant_id: UUID, agent_id: UUID, instance: str, sid: str) -> bool:
        """Forget the instance, unless a newer socket of it has come.

        Raises:
            DependencyUnavailable: Redis does not answer.
        """
        key = _instance_key(tenant_id, agent_id, instance)
        return bool(await _answered(self._depart(keys=[key], args=[sid])))

    async def replicas(self, tenant_id: UUID, agent_ids: Sequence[UUID]) -> dict[UUID, list[Replica]]:
        """Who is there, for each of the agents.

        Raises:
            DependencyUnavailable: Redis does not answer.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for agent_id in agent_ids:
            await self._read(keys=_keys((tenant_id, agent_id)), args=[self._silent_after_s], client=pipeline)
        answers: list[list[Any]] = await _answered(pipeline.execute()) if agent_ids else []
        return {agent_id: _replicas(flat) for agent_id, flat in zip(agent_ids, answers, strict=True)}

    async def pick(self, tenant_id: UUID, agent_id: UUID, task: str) -> Place | None:
        """The least loaded replica that handles `task` and has room; it counts as loaded from now on.

        What is written of a gateway that was killed stays for a while: sockets of one without its mark are
        nobody's to work with.

        Raises:
            DependencyUnavailable: Redis does not answer.
        """
        found: list[bytes] | None = await _answered(
            self._pick(keys=_keys((tenant_id, agent_id)), args=[self._silent_after_s, task, DEFAULT_TASK])
        )
        return None if found is None else Place(sid=found[0].decode(), gateway=found[1].decode())

    async def is_marked(self, gateway: str) -> bool:
        """Whether this gateway is there, and Redis knows it; neither is so just after a restart.

        Raises:
            DependencyUnavailable: Redis does not answer.
        """
        return bool(await _answered(self._redis.exists(_mark(gateway))))

    async def mark(self, gateway: str, *, for_s: float = KEPT_S) -> bool:
        """Leave the mark that `is_marked` looks for; tells whether it was still there.

        Raises:
            DependencyUnavailable: Redis does not answer.
        """
        px = max(1, int(for_s * 1000))
        return await _answered(self._redis.set(_mark(gateway), 1, px=px, get=True)) is not None

    async def unmark(self, gateway: str) -> None:
        """The gateway ends.

        Raises:
            DependencyUnavailable: Redis does not answer.
        """
        await _answered(self._redis.delete(_mark(gateway)))

    async def close(self) -> None:
        await self._redis.aclose()


def _keys(agent: AgentKey) -> list[str]:
    key = presence_key(*agent)
    return [key, f"{key}:load", f"{key}:seen"]


def _instance_key(tenant_id: UUID, agent_id: UUID, instance: str) -> str:
    return f"{presence_key(tenant_id, agent_id)}:instance:{instance}"


def _mark(gateway: str) -> str:
    return f"oblivion:gateway:{gateway}:mark"


def _arguments(replicas: Sequence[Replica]) -> list[Any]:
    flat: list[Any] = [KEPT_S]
    for replica in replicas:
        described = replica.model_dump_json(exclude={"running"})
        flat += [replica.sid, described, replica.running, replica.instance]
    return flat


def _replicas(flat: list[Any]) -> list[Replica]:
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return [
        Replica.model_validate_json(text).model_copy(update={"running": int(load or 0)})
        for text, load in pairs
        if text is not None
    ]


async def _answered(call: Awaitable[ResultT]) -> ResultT:
    try:
        return await call
    except (RedisError, OSError, TimeoutError) as error:
        raise DependencyUnavailable(
            "redis_unavailable", f"Redis does not answer ({type(error).__name__})"
        ) from None


_WRITE = """
local now = tonumber(redis.call('TIME')[1])
for i = 2, #ARGV, 4 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2])
    redis.call('ZADD', KEYS[3], now, ARGV[i])
    if ARGV[i + 3] ~= '' then
        local instance = KEYS[1] .. ':instance:' .. ARGV[i + 3]
        redis.call('SETNX', instance, ARGV[i])
        redis.call('EXPIRE', instance, ARGV[1])
    end
end
local silent = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[1]))
for _, sid in ipairs(silent) do
    redis.call('HDEL', KEYS[1], sid)
    redis.call('HDEL', KEYS[2], sid)
    redis.call('ZREM', KEYS[3], sid)
end
for _, key in ipairs(KEYS) do
    redis.call('EXPIRE', key, ARGV[1])
end
"""
_READ = """
local now = tonumber(redis.call('TIME')[1])
local found = {}
for _, sid in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], now - tonumber(ARGV[1]), '+inf')) do
    found[#found + 1] = redis.call('HGET', KEYS[1], sid)
    found[#found + 1] = redis.call('HGET', KEYS[2], sid)
end
return found
"""
_PICK = """
local function handles(handlers)
    for _, name in ipairs(handlers) do
        if name == ARGV[2] or name == ARGV[3] then
            return true
        end
    end
    return false
end

local now = tonumber(redis.call('TIME')[1])
local best, gateway, least
for _, sid in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], now - tonumber(ARGV[1]), '+inf')) do
    local text = redis.call('HGET', KEYS[1], sid)
    if text then
        local replica = cjson.decode(text)
        local load = tonumber(redis.call('HGET', KEYS[2], sid) or '0') / replica.concurrency
        local free = load < 1 and not replica.draining and handles(replica.handlers)
        local lives = redis.call('EXISTS', 'oblivion:gateway:' .. replica.gateway .. ':mark') == 1
        if free and lives and (not least or load < least) then
            best, gateway, least = sid, replica.gateway, load
        end
    end
end
if not best then
    return false
end
redis.call('HINCRBY', KEYS[2], best, 1)
return {best, gateway}
"""
_DEPART = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
"""
