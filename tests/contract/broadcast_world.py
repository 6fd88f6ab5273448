"""Broadcasts in PostgreSQL, of recordings that nobody made."""

from __future__ import annotations

from itertools import count

from actors.selection_records import Selected, Told
from protocol.ids import Millis
from server.memory.cache import LocalCache
from server.postgres.broadcast_making import BroadcastMaking, NewBroadcast
from server.postgres.broadcast_replies import BroadcastReplies
from server.postgres.broadcast_views import BroadcastViews
from server.postgres.broadcasts import BroadcastStore

ROW = """
INSERT INTO files (file_id, owner_no, created_at, name, media_type, kind, size, received,
    duration_ms, content)
VALUES ($1, $2, 0, 'broadcast.m4a', 'audio/mp4', 'audio', 9, 9, 4200, sha256($1::text::bytea))"""
BLOB = "INSERT INTO file_blobs (digest, size, claimed_at) VALUES (sha256($1::text::bytea), 9, 0)"
PHONES = "UPDATE users SET phone = '010-0000-000' || user_no WHERE user_no <= $1"


class Sent:
    """Users 1 to 9 have phones. User 1 sends."""

    def __init__(self, postgres):
        self.database = postgres.database
        self._numbers = count(1)
        new_id = lambda: f"new{next(self._numbers)}"  # noqa: E731
        self.cache, self.told = LocalCache(), []
        self.store = BroadcastStore(self.database, self.cache, new_id=new_id, changed=self._changed)
        self.making = BroadcastMaking(self.database)
        self.views = BroadcastViews(self.database)
        self.replies = BroadcastReplies(self.database)

    async def _changed(self, user_nos):
        self.told.append(sorted(user_nos))

    async def people(self):
        await self.database.execute(PHONES, 9)

    async def file(self, name, owner=1):
        await self.database.execute(BLOB, name)
        await self.database.execute(ROW, name, owner)
        return name

    async def make(self, name="b1", *, sender=1, at=1_000, start_at=None, asked=3, audience=None):
        file = await self.file(f"file-{name}", sender)
        start = at if start_at is None else start_at
        times = (Millis(at), Millis(start))
        await self.making.make(
            NewBroadcast(name, sender, file, bytes(64), asked, audience, *times, 7)
        )
        return name

    async def due(self, now=1_000, until=2_000):
        found, _ = await self.store.lease(now=Millis(now), until=Millis(until), most=8)
        return found

    async def deliver(self, due, *recipients, at=1_500):
        return await self.store.deliver(due, selected(*recipients), at=Millis(at))

    async def fetch(self, sql, *args):
        return [tuple(row) for row in await self.database.fetch(sql, *args)]


def selected(*recipients):
    chosen = [Told(no, "drawn", 0.5, {"activity": 0.1}, {"age": 1.0}, 0.25) for no in recipients]
    return Selected(
        chosen=chosen,
        near=[Told(9, "undrawn", 0.1, {}, {}, 0.5)],
        counts={"allowed": 8},
        strategy={"name": "001"},
        took_ms=12,
    )
