"""The audit log told against itself: every entry's hash, computed anew."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from server.postgres.pool import Database

# What the trigger puts into the hash, written out: a function of the database could be another now.
PAGE: Final = """
SELECT a.audit_no, a.hash, jsonb_build_array(
    a.audit_no, (extract(epoch FROM a.at) * 1000000)::bigint, a.actor_no, a.action,
    a.subject_no, a.room_no, host(a.address), a.count, a.details
)::text AS said
FROM audit_log a WHERE a.audit_no > $1 ORDER BY a.audit_no LIMIT $2"""

START: Final = b""
"""What stands before the first entry."""


class Chain(NamedTuple):
    """``checked`` entries are as they were written, and the next one is ``broken``, if there is a
    number. ``head`` is the hash of the last one checked; ``found``: the sought one is among them.
    """

    checked: int
    broken: int | None
    head: bytes
    found: bool


async def verify_chain(
    database: Database, *, sought: bytes | None = None, at_once: int = 1_000
) -> Chain:
    """Walk along the log, so many entries at a time, up to the first that is not what it was.

    Who can write anything can write all hashes anew, or cut off the end: for that note the head
    elsewhere, and seek it later. A server may be running. Raises StoreUnavailable.
    """
    head, checked, found = START, 0, sought is None
    after = -1
    while page := await database.fetch(PAGE, after, at_once, within=60.0):
        for row in page:
            if row["hash"] != hashlib.sha256(head + row["said"].encode()).digest():
                return Chain(checked, row["audit_no"], head, found)
            head, checked = row["hash"], checked + 1
            found = found or head == sought
        after = page[-1]["audit_no"]
    return Chain(checked, None, head, found)
