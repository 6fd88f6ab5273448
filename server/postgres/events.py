"""Reading the log from PostgreSQL: each question of many askers is one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from actors.ports import EventLog
from actors.records import (
    HIGHEST_SEQ,
    Count,
    CountKey,
    MarkKey,
    PageQuery,
    PageResult,
    Sent,
    SentKey,
    Target,
    ThreadCount,
    ThreadKey,
    Withdrawn,
)
from actors.rules.event_frames import AROUND_BYTES, PAGE_BYTES, frame_of, page_of
from protocol.errors import ErrorCode
from protocol.events import Event
from protocol.ids import RoomId
from server.postgres.message_rows import LISTED, REACTIONS, SIZE, listed_of
from server.postgres.pool import Database
from server.postgres.room_rows import (
    GONE,
    SENDER,
    SHOWN,
    deleted_of,
    mentions,
    read_of,
    stored_of,
)
from server.postgres.thread_rows import countable_replies, participants, thread_cursor

SENT = """
SELECT k.n, e.seq, e.at, e.digest
FROM unnest($1::integer[], $2::integer[], $3::text[])
    WITH ORDINALITY AS k (room_no, user_no, client_id, n)
JOIN room_events e ON e.room_no = k.room_no AND e.sender_no = k.user_no
    AND e.client_id = k.client_id AND e.client_id IS NOT NULL"""

TARGETS = """
SELECT e.room_no, e.seq, e.sender_no, coalesce(e.thread, 0) AS thread,
    EXISTS (SELECT FROM message_states s WHERE s.room_no = e.room_no AND s.seq = e.seq
        AND s.deleted_at IS NOT NULL) AS deleted
FROM unnest($1::integer[], $2::integer[]) AS k (room_no, seq)
JOIN room_events e ON e.room_no = k.room_no AND e.seq = k.seq AND e.kind = 1"""

MARKS = """
SELECT CASE WHEN k.emoji = '' THEN EXISTS (
    SELECT FROM message_states s
    WHERE s.room_no = k.room_no AND s.seq = k.seq AND s.pinned_at IS NOT NULL
) ELSE EXISTS (
    SELECT FROM message_reactions r WHERE r.room_no = k.room_no AND r.seq = k.seq
        AND r.user_no = k.user_no AND r.emoji = k.emoji
) END AS there
FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::text[])
    WITH ORDINALITY AS k (room_no, seq, user_no, emoji, n)
ORDER BY k.n"""

KINDS = """
SELECT r.room_no, r.seq, r.emoji, count(*) AS count
FROM unnest($1::integer[], $2::integer[]) AS k (room_no, seq)
JOIN message_reactions r ON r.room_no = k.room_no AND r.seq = k.seq
GROUP BY r.room_no, r.seq, r.emoji"""

BODIES = """
SELECT e.room_no, e.seq, coalesce(s.body, e.body, '') AS body
FROM unnest($1::integer[], $2::integer[]) AS k (room_no, seq)
JOIN room_events e ON e.room_no = k.room_no AND e.seq = k.seq AND e.kind = 1
LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq"""

WITHDRAWN = """
SELECT e.room_no, e.seq, coalesce(s.body, e.body) AS body, s.deleted_at, s.edited_at, e.extra
FROM unnest($1::integer[], $2::integer[]) AS k (room_no, seq)
JOIN message_states s ON s.room_no = k.room_no AND s.seq = k.seq AND s.deleted_at IS NOT NULL
JOIN room_events e ON e.room_no = k.room_no AND e.seq = k.seq
WHERE coalesce(s.body, e.body) IS NOT NULL"""

# What is deleted of a room is read once, however many of its members are asked about.
COUNTS = f"""
WITH k AS MATERIALIZED (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[])
        WITH ORDINALITY AS k (room_no, user_no, above, upto, n)
), deleted AS MATERIALIZED (
    SELECT asked.*, {deleted_of("asked.room_no", upto="asked.upto")} AS seqs
    FROM (SELECT DISTINCT room_no, upto FROM k) asked
)
SELECT {read_of("m", "k.above", "deleted.seqs", upto="k.upto")} AS countable,
    {mentions("k.room_no", "k.user_no", "k.above", upto="k.upto")} AS mentions
FROM k JOIN deleted ON deleted.room_no = k.room_no AND deleted.upto = k.upto
LEFT JOIN chat_members m ON m.room_no = k.room_no AND m.user_no = k.user_no
LEFT JOIN room_events seen ON seen.room_no = k.room_no AND seen.seq = k.above
ORDER BY k.n"""  # noqa: S608 - constants

THREAD_COUNTS = f"""
SELECT c.read_seq, found.*
FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[], $5::integer[])
    WITH ORDINALITY AS k (room_no, root, user_no, upto, since, n)
CROSS JOIN LATERAL (
    SELECT {thread_cursor("k.room_no", "k.user_no", "k.root")} AS read_seq
) c
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.seq > c.read_seq) AS unread,
        count(*) FILTER (WHERE e.seq > c.read_seq AND EXISTS (
            SELECT FROM room_mentions x WHERE x.room_no = e.room_no
                AND x.user_no IN (0, k.user_no) AND x.seq = e.seq
        )) AS mentions,
        count(*) FILTER (WHERE e.seq <= c.read_seq) AS read
    FROM {
    countable_replies(
        "k.room_no", "k.user_no", "k.root", above="least(k.since, c.read_seq)", upto="k.upto"
    )
}
) found
ORDER BY k.n"""  # noqa: S608 - constants

PARTICIPANTS = f"""
SELECT k.room_no, k.root, array_agg(DISTINCT m.user_no) AS members
FROM unnest($1::integer[], $2::integer[]) AS k (room_no, root)
CROSS JOIN LATERAL ({participants("k.room_no", "k.root")}) p
JOIN chat_members m ON m.room_no = k.room_no AND m.user_no = p.user_no AND m.is_active
GROUP BY k.room_no, k.root"""  # noqa: S608 - constants

FORMER = """
SELECT m.room_no, m.user_no
FROM unnest($1::integer[], $2::integer[]) AS k (room_no, user_no)
JOIN chat_members m ON m.room_no = k.room_no AND m.user_no = k.user_no"""

# As in PAGE below, ``earlier`` keeps what one read holds to about REPLAY_BYTES.
REPLAY = f"""
SELECT {SHOWN}, {SENDER} AS sender
FROM (
    SELECT found.*, sum(coalesce(octet_length(found.body), 0)) OVER (
        ORDER BY found.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM (
        SELECT t.* FROM chat_rooms r JOIN room_events t ON t.room_no = r.room_no
        WHERE r.room_id = $1 AND t.seq > $2 AND t.seq <= $3
        ORDER BY t.seq LIMIT $4
    ) found
) e {GONE}
WHERE coalesce(e.earlier, 0) <= $5
ORDER BY e.seq"""  # noqa: S608 - constants
REPLAY_BYTES = 256 * 2**10

# ``earlier`` is the size of what comes before a row in its page: the rows over the limit of a page
# never leave the database, however long their bodies are.
PAGE = f"""
SELECT place.upto, place.inside, e.*, {SENDER} AS sender, {REACTIONS}
FROM (
    SELECT r.room_no, m.is_active AS inside, coalesce((
        SELECT t.seq FROM room_events t WHERE t.room_no = r.room_no ORDER BY t.seq DESC LIMIT 1
    ), 0) AS upto
    FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no
    WHERE r.room_id = $1 AND r.is_active AND m.user_no = $2
) place
LEFT JOIN LATERAL (
    SELECT {LISTED}, count(*) OVER () AS candidates, sum({SIZE}) OVER (
        ORDER BY e.seq {{order}} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM (
        SELECT * FROM room_events t
        WHERE place.inside AND t.room_no = place.room_no AND t.seq {{beyond}} $3 {{thread}}
            AND t.kind IN (1, 2, 8)
        ORDER BY t.seq {{order}} LIMIT $4
    ) e
    LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
) e ON place.inside AND coalesce(e.earlier, 0) <= $5
ORDER BY e.seq {{order}}"""  # noqa: S608 - constants

AROUND = f"""
SELECT min(e.seq) FROM (
    SELECT e.seq, sum({SIZE}) OVER (ORDER BY e.seq DESC) AS bytes
    FROM (
        SELECT t.* FROM chat_rooms r JOIN room_events t ON t.room_no = r.room_no
        WHERE r.room_id = $1 AND t.seq <= $2 AND t.kind IN (1, 2, 8)
            AND ($3::integer IS NULL OR t.thread = $3)
        ORDER BY t.seq DESC LIMIT $4
    ) e
    LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
) e WHERE e.seq = $2 OR e.bytes <= $5"""  # noqa: S608 - constants


class PostgresEvents(EventLog):
    """The log as of the moment of each question."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sent(self, keys: Sequence[SentKey]) -> Mapping[SentKey, Sent]:
        """What is stored under *keys*; keys never used are left out."""
        rows = await self._database.fetch(SENT, *_columns(keys, 3))
        return {keys[row["n"] - 1]: Sent(row["seq"], row["at"], row["digest"]) for row in rows}

    async def targets(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Target]:
        """What is to be known of messages."""
        rows = await self._database.fetch(TARGETS, *_columns(keys, 2))
        return {
            (row["room_no"], row["seq"]): Target(row["sender_no"], row["thread"], row["deleted"])
            for row in rows
        }

    async def marks(self, keys: Sequence[MarkKey]) -> Mapping[MarkKey, bool]:
        """Whether each reaction, or pin, is there."""
        rows = await self._database.fetch(MARKS, *_columns(keys, 4))
        return dict(zip(keys, (row["there"] for row in rows), strict=True))

    async def kinds(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Mapping[str, int]]:
        """How many have put each emoji on each message."""
        found: defaultdict[tuple[int, int], dict[str, int]] = defaultdict(dict)
        for row in await self._database.fetch(KINDS, *_columns(keys, 2)):
            found[row["room_no"], row["seq"]][row["emoji"]] = row["count"]
        return found

    async def bodies(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], str]:
        """What messages say now."""
        rows = await self._database.fetch(BODIES, *_columns(keys, 2))
        return {(row["room_no"], row["seq"]): row["body"] for row in rows}

    async def withdrawn(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Withdrawn]:
        """What deleted messages said."""
        rows = await self._database.fetch(WITHDRAWN, *_columns(keys, 2))
        return {
            (row["room_no"], row["seq"]): Withdrawn(
                row["body"], row["deleted_at"], row["edited_at"], row["extra"]
            )
            for row in rows
        }

    async def counts(self, keys: Sequence[CountKey]) -> Mapping[CountKey, Count]:
        """What each cursor has behind and before it."""
        rows = await self._database.fetch(COUNTS, *_columns(keys, 4))
        found = (Count(row["countable"], row["mentions"]) for row in rows)
        return dict(zip(keys, found, strict=True))

    async def thread_counts(self, keys: Sequence[ThreadKey]) -> Mapping[ThreadKey, ThreadCount]:
        """What each has read of a thread, and what not."""
        rows = await self._database.fetch(THREAD_COUNTS, *_columns(keys, 5))
        return dict(zip(keys, (ThreadCount(*row) for row in rows), strict=True))

    async def participants(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Sequence[int]]:
        """The members who take part in threads."""
        rows = await self._database.fetch(PARTICIPANTS, *_columns(keys, 2))
        return {(row["room_no"], row["root"]): row["members"] for row in rows}

    async def former(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bool]:
        """Whether each was ever a member."""
        rows = await self._database.fetch(FORMER, *_columns(keys, 2))
        members = {(row["room_no"], row["user_no"]) for row in rows}
        return {key: key in members for key in keys}

    async def replay(self, room: RoomId, after: int, upto: int, limit: int) -> Sequence[Event]:
        """Events after < seq <= upto as they happened, ascending, at most *limit*."""
        rows = await self._database.fetch(REPLAY, room, *_int4(after, upto), limit, REPLAY_BYTES)
        return [frame_of(room, stored_of(row)) for row in rows]

    async def page(self, query: PageQuery) -> PageResult | ErrorCode:
        """A page of history; ``not_member`` for one who was, ``not_found`` for a stranger."""
        if query.around is not None:
            query = query._replace(around=None, after=await self._start_around(query, query.around))
        upward = query.after is not None
        bound = query.after if query.after is not None else query.before
        rows = await self._database.fetch(
            _page_sql(query, upward=upward),
            query.room,
            query.user_no,
            *_int4(HIGHEST_SEQ if bound is None else bound),
            query.limit + 1,
            PAGE_BYTES,
            *([] if query.thread is None else _int4(query.thread)),
        )
        if not rows:
            return ErrorCode.NOT_FOUND
        if not rows[0]["inside"]:
            return ErrorCode.NOT_MEMBER
        found = [listed_of(query.room, row) for row in rows if row["seq"] is not None]
        more = len(found) < (rows[0]["candidates"] or 0)
        return page_of(found, query, more=more, upto=rows[0]["upto"])

    async def _start_around(self, query: PageQuery, seq: int) -> int:
        """What is below the first event of a page with *seq* in its middle."""
        thread = None if query.thread is None else min(query.thread, HIGHEST_SEQ)
        sought = (query.room, *_int4(seq), thread, query.limit // 2 + 1, AROUND_BYTES)
        first = await self._database.fetchval(AROUND, *sought)
        return 0 if first is None else int(first) - 1


def _page_sql(query: PageQuery, *, upward: bool) -> str:
    """One of four texts, so that a connection plans each once."""
    thread = "" if query.thread is None else "AND t.thread = $6"
    if upward:
        return PAGE.format(order="ASC", beyond=">", thread=thread)
    return PAGE.format(order="DESC", beyond="<", thread=thread)


def _columns(keys: Sequence[tuple[object, ...]], width: int) -> list[Sequence[object]]:
    return list(zip(*keys, strict=True)) if keys else [()] * width


def _int4(*seqs: int) -> list[int]:
    """*seqs* no higher than any seq can be: a client may ask for what never was."""
    return [min(seq, HIGHEST_SEQ) for seq in seqs]
