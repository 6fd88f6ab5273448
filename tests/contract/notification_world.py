"""Notifications in memory and in PostgreSQL, for suites that hold both to one contract.

User 9 sends to users 1 and 2, unless a test says otherwise. In PostgreSQL all is done as the
server does it: by a role that is bound by the policies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import NamedTuple

import trio
from conftest import MemoryWorld, NotedLog, postgres_world

from actors.notification_records import (
    Attempt,
    Decision,
    LegResult,
    NewNotification,
    OutgoingNotification,
)
from protocol.ids import Millis
from server.memory.blocks import MemoryBlocks
from server.memory.notification_queue import MemoryNotificationQueue
from server.memory.notification_rows import MemoryEndpoint
from server.memory.notifications import MemoryNotifications
from server.postgres.blocks import BlockStore
from server.postgres.notification_inbox import NotificationInbox
from server.postgres.notification_log import NotificationLog
from server.postgres.notification_queue import PostgresNotifications
from server.postgres.notification_settings import NotificationSettings
from server.postgres.notifications import NotificationStore
from server.postgres.pool import APP_ROLE, open_database

SENDER = 9
NOON = Millis(1_717_210_800_000)
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000

SENT = Attempt(kind="sent", provider_ref="p1", latency_ms=7)
UNTRACED = Attempt(kind="sent", latency_ms=7)
REFUSED = Attempt(kind="refused", reason="not_authorized")
GONE = Attempt(kind="gone")
AGAIN = Attempt(kind="again", reason="limited")
UNKNOWN = Attempt(kind="unknown")
WITHDRAWN = Attempt(kind="withdrawn")
RANKED = ("waiting", "backup", "ready", "leased", "withdraw")


class KeptLeg(NamedTuple):
    """All that is kept of a leg."""

    platform: str
    place: int
    state: str
    reason: str = ""
    due_at: int = NOON
    rank_at: int | None = None
    endpoint_no: int | None = None
    hold_key: str | None = None
    merged_into: str | None = None  # the notification's id
    attempt: int = 0
    lease: int = 0
    leased_until: int = 0
    provider_ref: str | None = None
    sent_at: int | None = None


class Kept(NamedTuple):
    """All that is kept of a notification."""

    status: str
    seen_at: int | None
    stopped: str | None
    sent_at: int | None
    legs: tuple[KeptLeg, ...]


def new(name="n1", to=1, sender=SENDER, **fields):
    """A notification that is asked for."""
    at = fields.pop("at", NOON)
    defaults = {
        "type": "meeting.invitation",
        "title": f"title of {name}",
        "message": f"message of {name}",
        "data": {"meeting": name, "more": {"n": [1, None]}},
        "platforms": ("web",),
        "routing": "all",
        "unread_after_ms": 0,
        "priority": 1,
        "scheduled_at": at,
        "expires_at": None,
        "dedupe_key": None,
        "collapse_key": None,
        "created_at": at,
    }
    return NewNotification(id=name, recipient_no=to, sender_no=sender, **(defaults | fields))


def go(legs):
    """All of them."""
    return [Decision(leg_no=leg.leg_no, kind="go") for leg in legs]


def hold(until, key="quiet"):
    """All of them, until then."""

    def decide(legs):
        how = {"kind": "hold", "reason": "quiet_hours", "until": until, "hold_key": key}
        return [Decision(leg_no=leg.leg_no, **how) for leg in legs]

    return decide


def digest(legs):
    """Of those of somebody on an outside platform the last one goes, and tells of the others."""
    last = {(leg.recipient_no, leg.platform): leg.leg_no for leg in legs if leg.platform != "web"}
    found = []
    for leg in legs:
        into = last.get((leg.recipient_no, leg.platform), leg.leg_no)
        how = {"kind": "go"} if into == leg.leg_no else {"kind": "merge", "reason": "digest"}
        how |= {} if into == leg.leg_no else {"into": into}
        found.append(Decision(leg_no=leg.leg_no, **how))
    return found


class Running:
    """What suites do alike with both."""

    def __init__(self, queue, listed):
        self.queue, self.listed = queue, listed
        self._leases = count(1)

    async def send(self, name="n1", *args, **fields):
        [made] = await self.queue.enqueue([new(name, *args, **fields)])
        return made

    async def place(self, decide=go, now=NOON, most=100):
        return await self.queue.place(decide, now=Millis(now), most=most)

    async def begin(self, platform="push", now=NOON, lasts=MINUTE, most=100, lease=None):
        lease = next(self._leases) if lease is None else lease
        until = Millis(now + lasts)
        how = {"now": Millis(now), "until": until, "most": most, "lease": lease}
        return await self.queue.begin(platform, **how)

    async def abandon(self, platform="push", *, before, now, most=100):
        times = {"before": Millis(before), "now": Millis(now)}
        return await self.queue.abandon(platform, **times, most=most)

    async def record(self, leg: OutgoingNotification, attempt, again_at=None, at=NOON):
        return await self.queue.record([LegResult(leg, attempt, again_at)], at=Millis(at))

    async def sent(self, platform="push", attempt=SENT, at=NOON):
        """All that is to be sent there is."""
        for leg in (await self.begin(platform, now=at)).legs:
            await self.record(leg, attempt, at=at)

    async def unseen(self, user_no=1):
        found = await self.listed.unseen([user_no])
        return [each.id for each in found.get(user_no, ())]

    async def read(self, *ids, user_no=1, at=NOON):
        [unread] = (await self.listed.seen([(user_no, ids)], at=Millis(at))).values()
        return list(unread)

    async def states(self, name="n1"):
        """(platform, state, reason) of its legs."""
        return [(leg.platform, leg.state, leg.reason) for leg in (await self.kept())[name].legs]

    async def status(self, name="n1"):
        return (await self.kept())[name].status

    async def log(self, name="n1"):
        """(platform, status, reason) of its entries, in order."""
        return [tuple(each[1:4]) for each in await self.entries() if each[0] == name]


class MemoryNotificationWorld(Running):
    def __init__(self, world, queue=MemoryNotificationQueue):
        self.memory = world.log
        listed = MemoryNotifications()
        super().__init__(queue(world.log, listed), listed)
        self._endpoints = count(1)

    def another_node(self):
        return self.queue  # nothing of it is a node's own

    async def person(self, number, **fields):
        for name, value in fields.items():
            setattr(self.queue.person(number), name, value)

    async def endpoint(self, number, platform="push"):
        endpoint_no = next(self._endpoints)
        self.queue.endpoints[endpoint_no] = MemoryEndpoint(number, platform)
        return endpoint_no

    async def endpoint_of(self, endpoint_no):
        each = self.queue.endpoints[endpoint_no]
        return each.used_at, each.ended_at, each.ended_why

    async def end_endpoint(self, endpoint_no, at=NOON):
        self.queue.endpoints[endpoint_no].ended_at = at

    async def block(self, number, other=SENDER):
        await MemoryBlocks(self.memory).change(number, other, on=True, at=NOON)

    async def want(self, number, platform, wanted, at=NOON):
        self.queue.want(number, platform, wanted, at=at)

    async def cancel(self, name, sender=SENDER, at=NOON):
        return self.queue.cancel(sender, name, at)

    async def unread(self, number):
        return set(await self.unseen(number))

    async def kept(self):
        return {
            name: Kept(
                note.status,
                note.seen_at,
                note.stopped,
                note.sent_at,
                tuple(_kept(leg) for leg in note.legs),
            )
            for name, note in self.queue.notes.items()
        }

    async def entries(self):
        return [tuple(each) for each in self.queue.entries]

    async def windows(self):
        return {
            (*whose, group): tuple(window)
            for whose, some in self.queue.windows.items()
            for group, window in some.items()
        }


def _kept(leg):
    return KeptLeg(
        leg.platform,
        leg.place,
        leg.state,
        leg.reason,
        leg.due_at,
        leg.rank[0] if leg.state in RANKED else None,
        leg.endpoint_no,
        leg.hold_key,
        None if leg.merged_into is None else leg.merged_into.note.new.id,
        leg.attempt,
        leg.lease,
        leg.leased_until,
        leg.provider_ref,
        leg.sent_at,
    )


class PostgresNotificationWorld(Running):
    LEGS = """
SELECT q.notification_id, q.status, q.seen_at, q.stopped, q.sent_at, d.platform, d.place, d.state,
    d.reason, d.due_at, CASE WHEN d.state = ANY ($1::text[]) THEN d.rank_at END, d.endpoint_no,
    d.hold_key, (
        SELECT o.notification_id FROM notification_deliveries m
        JOIN notification_queue o USING (notification_no) WHERE m.leg_no = d.merged_into
    ), d.attempt, d.lease, d.leased_until, d.provider_ref, d.sent_at
FROM notification_queue q JOIN notification_deliveries d USING (notification_no)
ORDER BY q.notification_no, d.leg_no"""
    ENTRIES = """
SELECT q.notification_id, l.platform, l.status, l.reason, l.latency_ms, l.error, l.attempt, l.at
FROM notification_log l JOIN notification_queue q USING (notification_no) ORDER BY l.log_no"""
    ENDPOINT = """
INSERT INTO notification_endpoints (endpoint_id, user_no, platform, kind, sealed, key_id, lookup,
    label, created_at)
VALUES ($1, $2, $3, 'test', '', 'k', $4, $1, $5) RETURNING endpoint_no"""

    def __init__(self, owner, database):
        self.owner, self.database = owner, database
        super().__init__(PostgresNotifications(database), NotificationStore(database))
        self.inbox = NotificationInbox(database)
        self.settings = NotificationSettings(database)
        self.logged = NotificationLog(database)
        self._names = count(1)

    def another_node(self):
        return PostgresNotifications(self.database)

    async def fetch(self, sql, *args):
        """As the server's own work."""
        async with self.database.service() as transaction:
            return [tuple(row) for row in await transaction.fetch(sql, *args)]

    async def person(self, number, **fields):
        columns = {"zone": "time_zone", "active": "status"}
        for name, value in fields.items():
            given = {True: "active", False: "suspended"}[value] if name == "active" else value
            sql = f"UPDATE users SET {columns.get(name, name)} = $2 WHERE user_no = $1"  # noqa: S608
            await self.database.execute(sql, number, given)

    async def endpoint(self, number, platform="push"):
        name = f"e{next(self._names)}"
        [[made]] = await self.fetch(self.ENDPOINT, name, number, platform, name.encode(), NOON)
        return made

    async def endpoint_of(self, endpoint_no):
        sql = "SELECT used_at, ended_at, ended_why FROM notification_endpoints"
        [found] = await self.fetch(f"{sql} WHERE endpoint_no = $1", endpoint_no)
        return found

    async def end_endpoint(self, endpoint_no, at=NOON):
        sql = "UPDATE notification_endpoints SET ended_at = $2 WHERE endpoint_no = $1"
        await self.fetch(sql, endpoint_no, at)

    async def block(self, number, other=SENDER):
        await BlockStore(self.database).change(number, other, on=True, at=NOON)

    async def want(self, number, platform, wanted, at=NOON):
        await self.settings.put(number, platform, wanted, at=Millis(at))

    async def cancel(self, name, sender=SENDER, at=NOON):
        return await self.inbox.cancel(sender, name, at=Millis(at))

    async def unread(self, number):
        """What is listed and was not seen, out of date or not."""
        sql = "SELECT notification_id FROM notifications WHERE recipient_no = $1"
        rows = await self.fetch(f"{sql} AND seen_at IS NULL AND deleted_at IS NULL", number)
        return {name for [name] in rows}

    async def kept(self):
        found: dict[str, Kept] = {}
        for name, status, seen, stopped, sent, *leg in await self.fetch(self.LEGS, list(RANKED)):
            legs = found[name].legs if name in found else ()
            found[name] = Kept(status, seen, stopped, sent, (*legs, KeptLeg(*leg)))
        return found

    async def entries(self):
        return await self.fetch(self.ENTRIES)

    async def windows(self):
        rows = await self.fetch("SELECT * FROM notification_windows")
        return {(number, *key): tuple(window) for number, *key, until, sent in rows
                for window in [(until, sent)]}  # fmt: skip


@asynccontextmanager
async def open_app_world(url: str) -> AsyncIterator[PostgresNotificationWorld]:
    """In PostgreSQL at *url*, by the server's own role."""
    async with (
        postgres_world(url) as world,
        open_database(url, size=4, role=APP_ROLE, log=NotedLog()) as database,
    ):
        yield PostgresNotificationWorld(world.database, database)


@asynccontextmanager
async def open_notification_world(
    url: str | None,
) -> AsyncIterator[MemoryNotificationWorld | PostgresNotificationWorld]:
    """In PostgreSQL at *url*, else in memory."""
    if url is None:
        await trio.lowlevel.checkpoint()
        yield MemoryNotificationWorld(MemoryWorld())
        return
    async with open_app_world(url) as made:
        yield made


def counted(entries):
    """The entries of a log, in whatever order one call has made them."""
    return Counter(entries)
