"""How people are reached outside: addresses that are secrets, sealed as they are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from actors.notification_records import Outside
from protocol.ids import Millis
from server.ids import random_id
from server.postgres.pool import Database, Transaction
from server.providers.outside_addresses import OpenedEndpoint, identity
from server.providers.sealing import NotOpened, Sealed, Seals

MOST: Final = 10
"""Of one user and kind; with one more, the one goes that was used longest ago."""
REKEYED_AT_ONCE: Final = 200

# People add one now and then: they can wait for each other, and no two have the same one.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('madang.notification_endpoints'))"

FIND: Final = """
SELECT endpoint_no, endpoint_id, user_no FROM notification_endpoints
WHERE platform = $1 AND kind = $2 AND lookup = ANY($3::bytea[]) AND ended_at IS NULL"""

INSERT: Final = """
INSERT INTO notification_endpoints
    (endpoint_id, user_no, platform, kind, sealed, key_id, lookup, label, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""

RENEW: Final = """
UPDATE notification_endpoints SET sealed = $2, key_id = $3, lookup = $4, label = $5
WHERE endpoint_no = $1"""

# Who has it already by the current key has proven it later: `rekey` ends this one.
REPLACE: Final = """
UPDATE notification_endpoints e SET sealed = $2, key_id = $3, lookup = CASE WHEN EXISTS (
        SELECT FROM notification_endpoints o
        WHERE o.platform = e.platform AND o.kind = e.kind AND o.lookup = $4 AND o.ended_at IS NULL
    ) THEN e.lookup ELSE $4 END
WHERE endpoint_no = $1 AND ended_at IS NULL"""

# What is ended needs its address no more.
END: Final = """
UPDATE notification_endpoints SET ended_at = $2, ended_why = $3, sealed = '', lookup = ''
WHERE endpoint_no = ANY($1::bigint[]) AND ended_at IS NULL"""

END_OWN: Final = """
UPDATE notification_endpoints SET ended_at = $2, ended_why = $3, sealed = '', lookup = ''
WHERE endpoint_id = $1 AND user_no = $4 AND ended_at IS NULL RETURNING endpoint_no"""

# Who is linked reads and answers: with a new password he has to be linked anew.
END_BOTS: Final = """
WITH codes AS (DELETE FROM notification_links WHERE user_no = $1)
UPDATE notification_endpoints SET ended_at = $2, ended_why = 'password', sealed = '', lookup = ''
WHERE user_no = $1 AND kind IN ('discord_bot', 'kakao_bot') AND ended_at IS NULL"""

BEYOND: Final = """
SELECT endpoint_no FROM notification_endpoints
WHERE user_no = $1 AND platform = $2 AND kind = $3 AND ended_at IS NULL
ORDER BY coalesce(used_at, created_at) DESC, endpoint_no DESC OFFSET $4"""

OF_USER: Final = """
SELECT endpoint_id, platform, kind, label, created_at, used_at FROM notification_endpoints
WHERE user_no = $1 AND ended_at IS NULL ORDER BY endpoint_no"""

OPEN: Final = """
SELECT endpoint_no, endpoint_id, user_no, platform, kind, sealed, key_id
FROM notification_endpoints WHERE endpoint_no = $1 AND ended_at IS NULL"""

ID: Final = "SELECT endpoint_id FROM notification_endpoints WHERE endpoint_no = $1"

EMPTY: Final = """
UPDATE notification_endpoints SET sealed = '', lookup = ''
WHERE ended_at IS NOT NULL AND (sealed <> '' OR lookup <> '')"""

# Those of KakaoTalk were once sealed anew without what they are found by.
OLD: Final = """
SELECT endpoint_no, endpoint_id, user_no, platform, kind, sealed, key_id, lookup
FROM notification_endpoints
WHERE (key_id <> $1 OR $4 AND kind = 'kakao_talk') AND ended_at IS NULL AND endpoint_no > $2
ORDER BY endpoint_no LIMIT $3 FOR UPDATE"""

PROVEN_LATER: Final = """
SELECT created_at FROM notification_endpoints
WHERE platform = $1 AND kind = $2 AND lookup = $3 AND ended_at IS NULL AND endpoint_no <> $4"""

RESEAL: Final = """
UPDATE notification_endpoints SET sealed = $2, key_id = $3, lookup = $4 WHERE endpoint_no = $1"""


class EndpointSummary(NamedTuple):
    """What its owner is shown of an endpoint."""

    id: str
    platform: Outside
    kind: str
    label: str
    created_at: Millis
    used_at: Millis | None


class Rekeyed(NamedTuple):
    """How many were sealed anew, or ended as another's; and how many no key here opens."""

    sealed: int
    unopened: int


class NotificationEndpoints:
    """Every method may raise StoreUnavailable, and those that write OutcomeUnknown."""

    def __init__(
        self,
        database: Database,
        seals: Seals,
        *,
        new_id: Callable[[], str] = random_id,
        most: int = MOST,
    ) -> None:
        self._database, self._seals = database, seals
        self._new_id, self._most = new_id, most
        self._all_are_found = False

    async def add(
        self, user_no: int, platform: Outside, kind: str, address: str, label: str, at: Millis
    ) -> str:
        """Keep it; its id. One that the user has already is that one, with what is new of it.

        It has to be proven that it is the user's: by what is in it (``identity``), or before.
        Whoever else had it has lost it, and is not reached by it any more.
        """
        lookups = self._seals.lookups(identity(kind, address))
        async with self._database.service() as service:
            await service.execute(LOCK)
            own: Any = None
            for row in await service.fetch(FIND, platform, kind, lookups):
                if row["user_no"] == user_no:
                    own = row
                else:
                    await service.execute(END, [row["endpoint_no"]], at, "taken_over")
            made = self._new_id() if own is None else str(own["endpoint_id"])
            key_id, data = self._seals.seal(address, _of(made, user_no, platform, kind))
            if own is not None:
                await service.execute(RENEW, own["endpoint_no"], data, key_id, lookups[0], label)
                return made
            new = (user_no, platform, kind, data, key_id, lookups[0], label, at)
            await service.execute(INSERT, made, *new)
            await self._end_beyond(service, user_no, platform, kind, at)
            return made

    async def of_user(self, user_no: int) -> Sequence[EndpointSummary]:
        """Those that somebody has, the oldest first."""
        async with self._database.acting(user_no) as mine:
            return [EndpointSummary(*row) for row in await mine.fetch(OF_USER, user_no)]

    async def end(
        self, user_no: int, endpoint_id: str, at: Millis, *, why: str = "removed"
    ) -> bool:
        """Whether it was the user's; it is not any more, and nothing of its address is kept."""
        async with self._database.acting(user_no) as mine:
            return await mine.fetchval(END_OWN, endpoint_id, at, why, user_no) is not None

    async def address(self, endpoint_no: int) -> OpenedEndpoint | None:
        """It, unsealed; None where it was ended. May raise NotOpened."""
        async with self._database.service() as service:
            row = await service.fetchrow(OPEN, endpoint_no)
        return row and self._opened(row)

    async def find(self, platform: Outside, kind: str, address: str) -> int | None:
        """Whose address that is (or what ``identity`` has of it): the user's number."""
        lookups = self._seals.lookups(identity(kind, address))
        async with self._database.service() as service:
            row = await service.fetchrow(FIND, platform, kind, lookups)
        return row and int(row["user_no"])

    async def replace(self, endpoint: OpenedEndpoint, address: str) -> None:
        """Keep new secrets of the same address, unless it was ended."""
        async with self._database.service() as service:
            id = await service.fetchval(ID, endpoint.endpoint_no)  # noqa: A001 - the field's name
            of = _of(id, endpoint.user_no, endpoint.platform, endpoint.kind)
            key_id, data = self._seals.seal(address, of)
            lookup = self._seals.lookups(identity(endpoint.kind, address))[0]
            await service.execute(REPLACE, endpoint.endpoint_no, data, key_id, lookup)

    async def rekey(self) -> Rekeyed:
        """Seal anew what another key than the current one sealed; forget what was ended. The first
        call looks, too, whether all are found by the current key.

        After it, keys that only opened can be taken away, unless some were not opened.
        """
        async with self._database.service() as service:
            await service.execute(EMPTY)
        sealed = unopened = after = 0
        while True:
            async with self._database.service() as service:
                await service.execute(LOCK)
                some = (after, REKEYED_AT_ONCE, not self._all_are_found)
                rows = await service.fetch(OLD, self._seals.key_id, *some)
                for row in rows:
                    try:
                        sealed += await self._rekey(service, row)
                    except NotOpened:
                        unopened += 1
            if not rows:
                self._all_are_found = True
                return Rekeyed(sealed, unopened)
            after = rows[-1]["endpoint_no"]

    async def _rekey(self, service: Transaction, row: Any) -> bool:
        """Whether there was anything to do. Raises NotOpened."""
        *sealed, lookup_before = row
        opened = self._opened(sealed)
        lookup = self._seals.lookups(identity(opened.kind, opened.address))[0]
        if (row["key_id"], lookup_before) == (self._seals.key_id, lookup):
            return False
        it = (opened.platform, opened.kind, lookup, opened.endpoint_no)
        if later := await service.fetchval(PROVEN_LATER, *it):
            await service.execute(END, [opened.endpoint_no], later, "taken_over")
            return True
        of = _of(row["endpoint_id"], opened.user_no, opened.platform, opened.kind)
        key_id, data = self._seals.seal(opened.address, of)
        await service.execute(RESEAL, opened.endpoint_no, data, key_id, lookup)
        return True

    async def _end_beyond(
        self, service: Transaction, user_no: int, platform: Outside, kind: str, at: Millis
    ) -> None:
        beyond = await service.fetch(BEYOND, user_no, platform, kind, self._most)
        await service.execute(END, [row["endpoint_no"] for row in beyond], at, "too_many")

    def _opened(self, row: Any) -> OpenedEndpoint:
        endpoint_no, id, user_no, platform, kind, data, key_id = row  # noqa: A001 - as above
        address = self._seals.open(Sealed(key_id, data), _of(id, user_no, platform, kind))
        return OpenedEndpoint(endpoint_no, user_no, platform, kind, address)


def _of(endpoint_id: str, user_no: int, platform: str, kind: str) -> str:
    return f"{endpoint_id} {user_no} {platform} {kind}"
