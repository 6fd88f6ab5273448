"""The store of users: who they are, and whether their tokens still hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from actors.ports import Claims, Standing, UserState
from protocol.ids import Millis, RoomId, UserId
from server.postgres.audit import By, note
from server.postgres.notification_endpoints import END_BOTS
from server.postgres.people_rows import COLUMNS, NewPerson, Person, person_of
from server.postgres.pool import Database

KEPT_AFTER_EXPIRY = "1 day"
"""How long a revoked token is remembered past its end, should the clock be set back."""

CREATE = f"""
INSERT INTO users AS u (user_id, username, name, password_hash, is_test)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (lower(username)) DO NOTHING
RETURNING {COLUMNS}"""  # noqa: S608 - constants

CREATE_MANY = """
INSERT INTO users (user_id, username, name, password_hash, is_test)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])
ON CONFLICT (lower(username)) DO NOTHING"""

MANY = f"""
SELECT {COLUMNS} FROM unnest($1::text[]) WITH ORDINALITY AS asked (username, n)
JOIN users u ON lower(u.username) = lower(asked.username) ORDER BY asked.n"""  # noqa: S608 - constants

BY_USERNAME = f"SELECT {COLUMNS} FROM users u WHERE lower(u.username) = lower($1)"  # noqa: S608 - constants

BY_ID = f"SELECT {COLUMNS} FROM users u WHERE u.user_id = $1"  # noqa: S608 - constants

NAMED = f"""
SELECT asked.who, {COLUMNS} FROM unnest($1::text[]) AS asked (who)
CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT 1 AS choice, i.* FROM users i WHERE i.user_id = asked.who
        UNION ALL
        SELECT 2 AS choice, n.* FROM users n WHERE lower(n.username) = lower(asked.who)
    ) either ORDER BY choice LIMIT 1
) u"""  # noqa: S608 - constants

# Only these columns: whatever else $2 holds changes nothing.
PATCH = f"""
UPDATE users u SET (name, phone, birth_date, gender, preferred_gender, region, time_zone, language,
        last_seen, read_receipts)
    = (SELECT p.name, p.phone, p.birth_date, p.gender, p.preferred_gender, p.region, p.time_zone,
        p.language, p.last_seen, p.read_receipts FROM jsonb_populate_record(u, $2::jsonb) p),
    updated_at = now()
WHERE u.user_no = $1
RETURNING {COLUMNS}"""  # noqa: S608 - constants

SEARCH = f"""
SELECT {COLUMNS} FROM users u
WHERE u.status = 'active' AND u.role <> 'service'
    AND (lower(u.username) LIKE lower($1) OR lower(u.name) LIKE lower($1))
ORDER BY lower(u.username) COLLATE "C" LIMIT $2"""  # noqa: S608 - constants

RENEW = """
UPDATE users SET password_hash = $2, updated_at = now(),
    tokens_after = greatest(tokens_after, to_timestamp($3::bigint))
WHERE user_no = $1 RETURNING extract(epoch FROM tokens_after)::bigint"""

SET_STATUS_ROLE = f"""
UPDATE users u SET status = coalesce($2, u.status), role = coalesce($3, u.role), updated_at = now(),
    tokens_after = CASE WHEN u.status = coalesce($2, u.status) AND u.role = coalesce($3, u.role)
        THEN u.tokens_after ELSE greatest(u.tokens_after, to_timestamp($4::bigint)) END
WHERE u.user_id = $1
RETURNING {COLUMNS}"""  # noqa: S608 - constants

STATUS_ROLE = "SELECT status, role FROM users WHERE user_id = $1 FOR NO KEY UPDATE"

# By nobody: whoever runs the server answers for it.
GRANT = """
WITH granted AS (
    UPDATE users SET role = $2, updated_at = now() WHERE lower(username) = lower($1)
    RETURNING user_no
)
INSERT INTO audit_log (at, action, subject_no, details)
SELECT now(), 'account.role', user_no, jsonb_build_object('role', $2::text) FROM granted"""

SIGNED_IN = """
UPDATE users SET last_sign_in_at = greatest(last_sign_in_at, to_timestamp($2::bigint / 1000.0))
WHERE user_no = $1"""

REVOKE = f"""
WITH ended AS (DELETE FROM revoked_tokens WHERE expires_at < now() - interval '{KEPT_AFTER_EXPIRY}')
INSERT INTO revoked_tokens (jti, user_no, expires_at)
SELECT $1, user_no, to_timestamp($3::bigint) FROM users WHERE user_id = $2
ON CONFLICT DO NOTHING"""  # noqa: S608 - constants

STANDINGS = """
SELECT c.jti, u.user_no, coalesce(nullif(u.name, ''), u.username) AS name, u.role, u.status,
    coalesce(to_timestamp(c.issued_at) < u.tokens_after, false)
        OR EXISTS (SELECT FROM revoked_tokens r WHERE r.jti = c.jti) AS revoked
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS c (user_id, jti, issued_at)
JOIN users u ON u.user_id = c.user_id"""

STATES = """
SELECT u.user_no, u.user_id, u.presence_choice AS choice, u.read_receipts,
    (extract(epoch FROM u.last_seen_at) * 1000)::bigint AS last_seen,
    ARRAY(SELECT r.room_id FROM chat_members m JOIN chat_rooms r ON r.room_no = m.room_no
        WHERE m.user_no = u.user_no AND m.is_active AND r.is_active
            AND r.display_mode = 'open') AS rooms,
    ARRAY(SELECT blocks_of(u.user_no)) AS blocks,
    ARRAY(SELECT friends_of(u.user_no)) AS friends,
    u.last_seen = 'nobody' AS hides_last_seen
FROM users u WHERE u.user_id = ANY ($1::text[])"""

ROOMS = """
SELECT r.room_id FROM chat_members m JOIN chat_rooms r ON r.room_no = m.room_no
WHERE m.user_no = $1 AND m.is_active AND r.is_active ORDER BY r.room_no"""

CHOOSE = "UPDATE users SET presence_choice = $2 WHERE user_no = $1"

SEEN = """
UPDATE users u SET last_seen_at = greatest(u.last_seen_at, to_timestamp(s.at / 1000.0))
FROM unnest($1::integer[], $2::bigint[]) AS s (user_no, at) WHERE u.user_no = s.user_no"""

# In one order, which all nodes lock in.
WERE_ONLINE = """
INSERT INTO online_days AS o (user_no, day, seconds)
SELECT u.user_no, DATE '1970-01-01' + s.day, least(s.seconds, 86400)
FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS s (user_no, day, seconds)
JOIN users u ON u.user_no = s.user_no ORDER BY 1, 2
ON CONFLICT (user_no, day) DO UPDATE SET seconds = least(o.seconds + excluded.seconds, 86400)"""


class UserStore:
    """Users in PostgreSQL. Usernames are unique without regard to case.

    Every method may raise StoreUnavailable; ``create`` and ``set_password``, which a second try
    would find done, OutcomeUnknown too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- accounts

    async def create(self, person: NewPerson) -> Person | None:
        """Store *person*; None when the username is taken."""
        row = await self._database.fetchrow(
            CREATE,
            person.user_id,
            person.username,
            person.name,
            person.password_hash,
            person.is_test,
            once=True,
        )
        return row and person_of(row)

    async def create_many(self, people: Sequence[NewPerson]) -> list[Person]:
        """Store *people* at once and return them in order; who is there already stays as he is."""
        await self._database.execute(
            CREATE_MANY,
            [person.user_id for person in people],
            [person.username for person in people],
            [person.name for person in people],
            [person.password_hash for person in people],
            [person.is_test for person in people],
            within=60.0,
        )
        usernames = [person.username for person in people]
        return [person_of(row) for row in await self._database.fetch(MANY, usernames, within=60.0)]

    async def by_username(self, username: str) -> Person | None:
        """Whoever has *username*, in any case."""
        row = await self._database.fetchrow(BY_USERNAME, username)
        return row and person_of(row)

    async def by_id(self, user: UserId) -> Person | None:
        """Whoever has the id *user*."""
        row = await self._database.fetchrow(BY_ID, user)
        return row and person_of(row)

    async def named(self, names: Sequence[str]) -> Mapping[str, Person]:
        """People by user id or else username; unknown names are left out."""
        rows = await self._database.fetch(NAMED, list(names))
        return {
            row["who"]: person_of({key: value for key, value in row.items() if key != "who"})
            for row in rows
        }

    async def patch(self, user_no: int, changes: Mapping[str, object]) -> Person | None:
        """Change the fields of a profile; what is not in *changes* stays."""
        text = json.dumps(changes, default=str)
        row = await self._database.fetchrow(PATCH, user_no, text)
        return row and person_of(row)

    async def search(self, prefix: str, *, limit: int) -> list[Person]:
        """Active users whose username or name begins with *prefix*, by username."""
        rows = await self._database.fetch(SEARCH, escape_like(prefix) + "%", limit)
        return [person_of(row) for row in rows]

    async def set_password(self, user_no: int, password_hash: str, *, at: Millis) -> int:
        """Store it, revoke every token issued so far, and end what bots were linked by; the second
        from which tokens hold.
        """
        async with self._database.acting(user_no) as mine:
            second: int = await mine.fetchval(RENEW, user_no, password_hash, following_second(at))
            await mine.execute(END_BOTS, user_no, at)
        return second

    async def set_status_role(
        self,
        user: UserId,
        *,
        status: str | None,
        role: str | None,
        by_no: int,
        at: Millis,
        address: str | None = None,
    ) -> Person | None:
        """Change either; a change revokes every token issued so far. None: no such user.

        *address* is that of *by_no*.
        """
        async with self._database.transaction() as transaction:
            before = await transaction.fetchrow(STATUS_ROLE, user)
            if before is None:
                return None
            row = await transaction.fetchrow(
                SET_STATUS_ROLE, user, status, role, following_second(at)
            )
            person = person_of(row)
            for what, now in (("status", person.status), ("role", person.role)):
                if before[what] != now:
                    details = {what: now, "was": before[what]}
                    await note(
                        transaction,
                        f"account.{what}",
                        By(by_no, at, address),
                        subject_no=person.user_no,
                        **details,
                    )
        return person

    async def grant(self, username: str, role: str) -> bool:
        """Give somebody a role; False when there is nobody of that name."""
        return await self._database.execute(GRANT, username, role) == "INSERT 0 1"

    async def signed_in(self, user_no: int, *, at: Millis) -> None:
        """Note a sign-in."""
        await self._database.execute(SIGNED_IN, user_no, at)

    async def revoke(self, claims: Claims) -> None:
        """Take back one token."""
        await self._database.execute(REVOKE, claims.jti, claims.user, claims.expires_at)

    # ---- the port People, but for summaries

    async def standings(self, claims: Sequence[Claims]) -> Mapping[str, Standing]:
        """By ``jti``; tokens of unknown users are left out."""
        rows = await self._database.fetch(
            STANDINGS,
            [claim.user for claim in claims],
            [claim.jti for claim in claims],
            [claim.issued_at for claim in claims],
        )
        return {
            row["jti"]: Standing(
                row["user_no"], row["name"], row["role"], row["status"], row["revoked"]
            )
            for row in rows
        }

    async def states(self, users: Sequence[UserId]) -> Mapping[UserId, UserState]:
        """Unknown users are left out."""
        async with self._database.service() as service:
            rows = await service.fetch(STATES, list(users))
        return {
            row["user_id"]: UserState(
                row["user_no"],
                row["user_id"],
                row["choice"],
                row["last_seen"],
                frozenset(RoomId(room) for room in row["rooms"]),
                frozenset(row["blocks"]),
                frozenset(row["friends"]),
                row["hides_last_seen"],
                row["read_receipts"],
            )
            for row in rows
        }

    async def rooms(self, user_no: int) -> list[RoomId]:
        """Every room that a user is in."""
        rows = await self._database.fetch(ROOMS, user_no)
        return [RoomId(row["room_id"]) for row in rows]

    async def choose(self, user_no: int, choice: str) -> None:
        """Store a presence choice."""
        await self._database.execute(CHOOSE, user_no, choice)

    async def seen(self, at_by_user: Mapping[int, Millis]) -> None:
        """Store when users were last seen; only ever raised."""
        await self._database.execute(SEEN, list(at_by_user), list(at_by_user.values()))

    async def were_online(self, seconds: Mapping[tuple[int, int], int]) -> None:
        """Add time that users were connected, by (user_no, days from 1970-01-01 in UTC)."""
        users, days = [user for user, _ in seconds], [day for _, day in seconds]
        await self._database.execute(WERE_ONLINE, users, days, list(seconds.values()))


def escape_like(text: str) -> str:
    r"""*text* as a pattern of LIKE that matches itself alone.

    >>> print(escape_like("50%_\\"))
    50\%\_\\
    """
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def following_second(at: Millis) -> int:
    """The first whole second after *at*: tokens carry seconds, and none issued by then may hold.

    >>> following_second(Millis(1_999)), following_second(Millis(2_000))
    (2, 3)
    """
    return at // 1000 + 1
