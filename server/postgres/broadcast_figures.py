"""How broadcasts do: how many are heard and answered, and how evenly they are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protocol.ids import Millis
from server.postgres.pool import Database

REACHED = """
WITH made AS MATERIALIZED (
    SELECT b.broadcast_no, b.status, b.took_ms FROM broadcasts b
    WHERE b.created_at > $1 AND b.status IN ('delivered', 'announced', 'failed')
), sent AS (
    SELECT count(*) FILTER (WHERE status <> 'failed') AS sent,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        coalesce(avg(took_ms), 0)::float AS took_ms FROM made
), heard AS (
    SELECT count(*) AS recipients, count(*) FILTER (WHERE r.status <> 'delivered') AS read,
        count(*) FILTER (WHERE r.status = 'replied') AS replied
    FROM broadcast_recipients r JOIN made m ON m.broadcast_no = r.broadcast_no
)
SELECT sent.*, heard.* FROM sent, heard"""

DAILY = """
SELECT to_char(to_timestamp(b.created_at / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
    count(*) AS recipients, count(*) FILTER (WHERE r.status <> 'delivered') AS read,
    count(*) FILTER (WHERE r.status = 'replied') AS replied
FROM broadcasts b JOIN broadcast_recipients r ON r.broadcast_no = b.broadcast_no
WHERE b.created_at > $1 AND b.status IN ('delivered', 'announced')
GROUP BY 1 ORDER BY 1"""

EXPOSURE = """
SELECT least(received, $2) AS times, count(*) AS people FROM (
    SELECT count(*) AS received FROM broadcasts b
    JOIN broadcast_recipients r ON r.broadcast_no = b.broadcast_no
    WHERE b.created_at > $1 AND b.status IN ('delivered', 'announced') GROUP BY r.recipient_no
) counted GROUP BY 1"""

MAY_RECEIVE = "SELECT count(*) FROM users WHERE status = 'active' AND phone IS NOT NULL"

MOST_TIMES = 10
"""Who received so many or more is counted together."""


class Reached(NamedTuple):
    """What came of broadcasts. ``took_ms``: the mean of their selections.

    Rates are from 0 to 1: of broadcasts that went out, and of recipients who heard or answered.
    """

    sent: int
    failed: int
    recipients: int
    read: int
    replied: int
    took_ms: float

    @property
    def success_rate(self) -> float:
        """Of those that were sent or failed."""
        return _rate(self.sent, self.sent + self.failed)

    @property
    def read_rate(self) -> float:
        """Of recipients."""
        return _rate(self.read, self.recipients)

    @property
    def reply_rate(self) -> float:
        """Of recipients."""
        return _rate(self.replied, self.recipients)


class Day(NamedTuple):
    """What came of the broadcasts of one day in UTC."""

    day: str
    recipients: int
    read: int
    replied: int


class BroadcastFigures:
    """Figures of all broadcasts made since some time. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reached(self, since: Millis) -> Reached:
        """All of them together."""
        row = await self._database.fetchrow(REACHED, since)
        counts = (row["sent"], row["failed"], row["recipients"], row["read"], row["replied"])
        return Reached(*counts, row["took_ms"])

    async def daily(self, since: Millis) -> Sequence[Day]:
        """Day by day; days without any are left out."""
        return [Day(*row) for row in await self._database.fetch(DAILY, since)]

    async def exposure(self, since: Millis) -> Sequence[int]:
        """How many people received none, one, two, …, ten or more."""
        may: int = await self._database.fetchval(MAY_RECEIVE)
        counts = [0] * (MOST_TIMES + 1)
        for row in await self._database.fetch(EXPOSURE, since, MOST_TIMES):
            counts[row["times"]] = row["people"]
        counts[0] = max(0, may - sum(counts))
        return counts


def _rate(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
