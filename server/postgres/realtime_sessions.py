"""Where people are reached right now (specification 003, section 5.1): sockets, and bots' chats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from protocol.ids import Millis
from server.postgres.pool import Database

SessionType = Literal["web", "kakao", "discord"]

# In one order, which all nodes lock in. Users who are gone meanwhile are left out.
WRITE: Final = """
WITH over AS (
    UPDATE realtime_sessions SET is_active = false WHERE session_id = ANY ($9::text[]) AND is_active
)
INSERT INTO realtime_sessions AS s
    (session_id, user_no, session_type, platform_data, last_activity, created_at, jti,
        token_expires_at)
SELECT g.session_id, g.user_no, g.session_type, g.platform_data::jsonb, g.active_at, g.created_at,
    g.jti, g.token_expires_at
FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
    $7::text[], $8::bigint[]) AS g (session_id, user_no, session_type, platform_data, active_at,
    created_at, jti, token_expires_at)
JOIN users u ON u.user_no = g.user_no
ORDER BY g.session_id
ON CONFLICT (session_id) DO UPDATE SET
    created_at = CASE WHEN s.is_active AND s.user_no = excluded.user_no
        THEN s.created_at ELSE excluded.created_at END,
    user_no = excluded.user_no, is_active = true, platform_data = excluded.platform_data,
    jti = excluded.jti, token_expires_at = excluded.token_expires_at,
    last_activity = greatest(s.last_activity, excluded.last_activity)"""

STALE: Final = """
UPDATE realtime_sessions s SET is_active = false
FROM unnest($1::text[], $2::bigint[]) AS t (session_type, before)
WHERE s.is_active AND s.session_type = t.session_type AND s.last_activity < t.before"""

FORGET: Final = """
DELETE FROM realtime_sessions WHERE session_id IN (
    SELECT session_id FROM realtime_sessions
    WHERE NOT is_active AND last_activity < $1 ORDER BY last_activity LIMIT $2)"""

OF: Final = """
SELECT session_id, user_no, session_type, last_activity, created_at, platform_data::text AS data,
    jti, token_expires_at
FROM realtime_sessions WHERE user_no = $1 AND is_active
ORDER BY last_activity DESC, session_id LIMIT $2"""

END: Final = """
UPDATE realtime_sessions SET is_active = false
WHERE session_id = $2 AND user_no = $1 AND is_active"""

MOST_SHOWN: Final = 200


class RealtimeSession(NamedTuple):
    """One socket, or one chat of a user with a bot. Times are in milliseconds, but for the second
    in which the token ends that a socket came with.
    """

    session_id: str
    user_no: int
    session_type: SessionType
    last_activity: Millis
    created_at: Millis
    platform_data: Mapping[str, Any] = {}
    jti: str | None = None
    token_expires_at: int | None = None


class RealtimeSessions:
    """Every method may raise StoreUnavailable, those that write OutcomeUnknown, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, sessions: Sequence[RealtimeSession], ended: Sequence[str]) -> None:
        """Note in one statement that *sessions* are active, and that others have *ended*.

        No session may be given twice. Of those that are there the activity is only ever raised.
        """
        columns = [
            [each.session_id for each in sessions],
            [each.user_no for each in sessions],
            [each.session_type for each in sessions],
            [msgspec.json.encode(each.platform_data).decode() for each in sessions],
            [each.last_activity for each in sessions],
            [each.created_at for each in sessions],
            [each.jti for each in sessions],
            [each.token_expires_at for each in sessions],
        ]
        async with self._database.service() as service:
            await service.execute(WRITE, *columns, list(ended), within=30.0)

    async def end_stale(self, before: Mapping[SessionType, Millis]) -> int:
        """End those that were not active since then, by type: of nodes that died. How many."""
        async with self._database.service() as service:
            tag = await service.execute(STALE, list(before), list(before.values()))
        return int(tag.split()[-1])

    async def forget(self, before: Millis, *, most: int) -> int:
        """Drop some that ended and were last active before then. How many."""
        async with self._database.service() as service:
            tag = await service.execute(FORGET, before, most)
        return int(tag.split()[-1])

    async def of(self, user_no: int) -> Sequence[RealtimeSession]:
        """Active ones of one user, the latest first."""
        async with self._database.acting(user_no) as mine:
            return [_session(row) for row in await mine.fetch(OF, user_no, MOST_SHOWN)]

    async def end(self, user_no: int, session_id: str) -> bool:
        """End one of one's own; whether there was one."""
        async with self._database.acting(user_no) as mine:
            return await mine.execute(END, user_no, session_id) == "UPDATE 1"


def _session(row: Any) -> RealtimeSession:
    return RealtimeSession(*row)._replace(platform_data=msgspec.json.decode(row["data"]))
