"""What people agreed to and took back: kept for good, and the last word of each kind holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from protocol.ids import Millis
from server.postgres.pool import Database

ConsentKind = Literal["advertising", "advertising_night"]
"""``advertising_night``: that it may come from 21:00 to 08:00, too."""

PUT: Final = """
INSERT INTO consents (user_no, kind, is_given, source, at) VALUES ($1, $2, $3, $4, $5)"""

CURRENT: Final = """
SELECT k.kind, last.* FROM unnest('{advertising,advertising_night}'::text[]) AS k (kind),
LATERAL (
    SELECT c.is_given, c.source, c.at FROM consents c
    WHERE c.user_no = $1 AND c.kind = k.kind ORDER BY c.consent_no DESC LIMIT 1
) last"""

HISTORY: Final = """
SELECT c.consent_no, c.kind, c.is_given, c.source, c.at FROM consents c
WHERE c.user_no = $1 AND c.consent_no < $2 ORDER BY c.consent_no DESC LIMIT $3"""

NEWEST: Final = 2**63 - 1


class Consent(NamedTuple):
    """One word of somebody: whether he agrees, where he said it (1 to 64 characters), and when."""

    kind: ConsentKind
    is_given: bool
    source: str
    at: Millis


class ConsentStore:
    """Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, user_no: int, consent: Consent) -> None:
        """Keep it; it holds from now on, in campaigns that are under way, too."""
        kind, is_given, source, at = consent
        await self._database.execute(PUT, user_no, kind, is_given, source, at)

    async def current(self, user_no: int) -> Mapping[ConsentKind, Consent]:
        """The last word of each kind; without those that nothing was said of."""
        rows = await self._database.fetch(CURRENT, user_no)
        return {row["kind"]: Consent(*row) for row in rows}

    async def history(
        self, user_no: int, *, after: int | None = None, limit: int
    ) -> Sequence[tuple[int, Consent]]:
        """All of them with their numbers, newest first, those below the number *after*."""
        rows = await self._database.fetch(HISTORY, user_no, after or NEWEST, limit)
        return [(row["consent_no"], Consent(*row[1:])) for row in rows]
