"""What people want of each platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actors.notification_records import PLATFORMS, Platform, Preferences
from protocol.ids import Millis
from server.postgres.notification_rows import preferences_of, stored_of
from server.postgres.notification_settling import URGENCY_MS
from server.postgres.pool import Database

OF: Final = """
SELECT u.time_zone, s.platform, s.notification_types::text AS types,
    s.preferences::text AS preferences
FROM users u LEFT JOIN notification_settings s ON s.user_no = u.user_no WHERE u.user_no = $1"""

PUT: Final = """
INSERT INTO notification_settings (user_no, platform, notification_types, preferences, created_at,
    updated_at)
VALUES ($1, $2, $3::text::jsonb, $4::text::jsonb, $5, $5)
ON CONFLICT (user_no, platform) DO UPDATE SET notification_types = excluded.notification_types,
    preferences = excluded.preferences, updated_at = excluded.updated_at
WHERE notification_settings.notification_types <> excluded.notification_types
    OR notification_settings.preferences <> excluded.preferences
RETURNING true"""

AS_SERVICE: Final = "SET LOCAL ROLE madang_service"

# A round of decisions by what was wanted before comes to its end, and no other begins.
NOBODY_DECIDES: Final = "SELECT pg_advisory_xact_lock(-31, $1::integer)"

# Whoever changes a leg holds the row of its notification, and takes several by their numbers.
HELD_BACK: Final = """
SELECT q.notification_no FROM notification_queue q WHERE q.notification_no = ANY (ARRAY(
    SELECT d.notification_no FROM notification_deliveries d
    WHERE d.recipient_no = $1 AND d.platform = $2 AND d.state = 'waiting'
        AND d.hold_key IS NOT NULL
))
ORDER BY q.notification_no FOR NO KEY UPDATE"""

RELEASE: Final = f"""
UPDATE notification_deliveries d SET due_at = least(d.due_at, $3::bigint),
    rank_at = least(d.due_at, $3::bigint) - (q.priority - 1) * {URGENCY_MS}
FROM notification_queue q
WHERE q.notification_no = ANY ($1::bigint[]) AND d.notification_no = q.notification_no
    AND d.platform = $2 AND d.state = 'waiting' AND d.hold_key IS NOT NULL"""  # noqa: S608


class NotificationSettings:
    """Every method may raise StoreUnavailable, ``put`` OutcomeUnknown, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user_no: int) -> Mapping[Platform, Preferences]:
        """Those of all platforms; who has said nothing lives by the zone of his profile."""
        async with self._database.acting(user_no) as transaction:
            rows = await transaction.fetch(OF, user_no)
        zone = rows[0]["time_zone"]
        said = {
            row["platform"]: preferences_of(row["types"], row["preferences"], zone) for row in rows
        }
        return {each: said.get(each, Preferences(zone=zone)) for each in PLATFORMS}

    async def put(
        self, user_no: int, platform: Platform, wanted: Preferences, *, at: Millis
    ) -> None:
        """Replace those of a platform; what was held back there is due now, to be decided anew,
        unless they are as they were.
        """
        types, rest = stored_of(wanted)
        async with self._database.acting(user_no) as transaction:
            if not await transaction.fetchval(PUT, user_no, platform, types, rest, at):
                return
            await transaction.execute(AS_SERVICE)
            await transaction.execute(NOBODY_DECIDES, user_no)
            rows = await transaction.fetch(HELD_BACK, user_no, platform)
            numbers = [row["notification_no"] for row in rows]
            if numbers:
                await transaction.execute(RELEASE, numbers, platform, at)
