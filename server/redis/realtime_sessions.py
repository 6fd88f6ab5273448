"""Active sessions in Redis: a hash for each user, a field for each session, which has an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from server.postgres.realtime_sessions import RealtimeSession, SessionType
from server.redis.client import RedisClient

PREFIX = "madang:sessions:"
AT_ONCE = 200
"""Sessions in one trip: many more would hold the loop, here and in Redis."""

NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# Of a node that died nobody takes its fields away but who writes beside them.
PUT = f"""{NOW}
for number, key in ipairs(KEYS) do
    local id, kept, said = ARGV[3 * number - 2], tonumber(ARGV[3 * number - 1]), ARGV[3 * number]
    local fields = redis.call('HGETALL', key)
    for at = 1, #fields, 2 do
        if tonumber(string.match(fields[at + 1], '^(%d+) ') or 0) <= now then
            redis.call('HDEL', key, fields[at])
        end
    end
    redis.call('HSET', key, id, string.format('%.0f %s', now + kept, said))
    if redis.call('PTTL', key) < kept then redis.call('PEXPIRE', key, kept) end
end
"""

OF = f"""{NOW}
local found = {{}}
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do
    local over, said = string.match(value, '^(%d+) (.*)$')
    if over and tonumber(over) > now then table.insert(found, said) end
end
return found
"""

END = "for number, key in ipairs(KEYS) do redis.call('HDEL', key, ARGV[number]) end"

_decode = msgspec.json.Decoder(RealtimeSession).decode


class RedisSessions:
    """A cache: what is lost comes with the next round. Raises RedisUnavailable."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def put(
        self, sessions: Sequence[RealtimeSession], *, kept_s: Mapping[SessionType, float]
    ) -> None:
        """Keep them for so many seconds, by type."""
        for start in range(0, len(sessions), AT_ONCE):
            some = sessions[start : start + AT_ONCE]
            said = [
                part
                for each in some
                for part in (
                    each.session_id,
                    int(kept_s[each.session_type] * 1000),
                    msgspec.json.encode(each),
                )
            ]
            await self._eval(PUT, [each.user_no for each in some], *said)

    async def end(self, ended: Sequence[tuple[int, str]]) -> None:
        """Take out sessions: the number of the user, and the session's id."""
        for start in range(0, len(ended), AT_ONCE):
            some = ended[start : start + AT_ONCE]
            await self._eval(END, [user_no for user_no, _ in some], *(each for _, each in some))

    async def of(self, user_no: int) -> Sequence[RealtimeSession]:
        """Those of one user, in any order."""
        return [_decode(said) for said in await self._eval(OF, [user_no])]

    async def _eval(self, script: str, user_nos: Sequence[int], *args: Any) -> Any:
        keys = [f"{PREFIX}{user_no}" for user_no in user_nos]
        work: Any = lambda redis: redis.eval(script, len(keys), *keys, *args)  # noqa: E731
        return await self._redis.call(work)
