"""Who is online, in Redis: a hash for each user, with a field for each node that he is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from actors.ports import Presences
from actors.rules.presence import merged
from protocol.fields import SeenState
from protocol.ids import UserId
from server.redis.client import RedisClient

PREFIX = "madang:online:"

# Fields have an end of their own: a key lives as long as the latest of them, and a node that died
# must not seem to be there because another one goes on.
NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

PUT = f"""{NOW}
local node, kept = ARGV[1], tonumber(ARGV[2])
for number, key in ipairs(KEYS) do
    local state = ARGV[number + 2]
    if state == 'offline' then
        redis.call('HDEL', key, node)
    else
        redis.call('HSET', key, node, string.format('%s %.0f', state, now + kept))
        if redis.call('PTTL', key) < kept then redis.call('PEXPIRE', key, kept) end
    end
end
"""

GET = f"""{NOW}
local found = {{}}
for number, key in ipairs(KEYS) do
    local states = {{}}
    local fields = redis.call('HGETALL', key)
    for at = 1, #fields, 2 do
        local state, over = string.match(fields[at + 1], '^(%l+) (%d+)$')
        if state and fields[at] ~= ARGV[1] and tonumber(over) > now then
            table.insert(states, state)
        end
    end
    found[number] = table.concat(states, ' ')
end
return found
"""


class RedisPresences(Presences):
    """The port Presences. Raises RedisUnavailable."""

    def __init__(self, redis: RedisClient, *, node: str) -> None:
        self._redis, self._node = redis, node

    async def put(self, states: Mapping[UserId, SeenState], *, kept_s: float) -> None:
        """Say how users are shown on this node, for the next *kept_s* seconds."""
        if states:
            kept_ms = int(kept_s * 1000)
            await self._eval(PUT, list(states), self._node, kept_ms, *states.values())

    async def elsewhere(self, users: Sequence[UserId]) -> Mapping[UserId, SeenState]:
        """How users are shown on the other nodes; those who are offline there are left out."""
        if not users:
            return {}
        found = await self._eval(GET, users, self._node)
        states = [merged(cast("list[SeenState]", text.decode().split())) for text in found]
        pairs = zip(users, states, strict=True)
        return {user: state for user, state in pairs if state != "offline"}

    async def _eval(self, script: str, users: Sequence[UserId], *args: Any) -> Any:
        keys = [PREFIX + user for user in users]
        work: Any = lambda redis: redis.eval(script, len(keys), *keys, *args)  # noqa: E731
        return await self._redis.call(work)
