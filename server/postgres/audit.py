"""The audit log: who did what that must be accounted for, written with what was done."""

from __future__ import annotations

import json
from typing import Final

from protocol.ids import Millis
from server.postgres.pool import Transaction

NOTE: Final = """
INSERT INTO audit_log (at, actor_no, action, subject_no, room_no, details)
VALUES (to_timestamp($1::bigint / 1000.0), $2, $3, $4, $5, $6::jsonb)"""


async def note(
    transaction: Transaction,
    action: str,
    *,
    at: Millis,
    actor_no: int,
    subject_no: int | None = None,
    room_no: int | None = None,
    **details: str,
) -> None:
    """Write one entry, which lasts if *transaction* does."""
    text = json.dumps(details, ensure_ascii=False)
    await transaction.execute(NOTE, at, actor_no, action, subject_no, room_no, text)
