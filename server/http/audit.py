"""The audit log: what admins do is written there, and they read it here."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import MAX_INT, IdField
from protocol.ids import Millis
from server.http.names import normal
from server.http.profiles import given
from server.http.route import Access, Answer, Call, Route
from server.postgres.audit import AuditStore, By, Entry, Sought
from server.postgres.users import UserStore

PAGE_DEFAULT, PAGE_MOST = 50, 200

Number = Annotated[int, Meta(ge=1, le=MAX_INT)]


class AuditQuery(msgspec.Struct):
    """Which entries: ``actor`` and ``subject`` are user ids or usernames, ``since`` is a time.

    ``after`` is the ``next`` of the page before.
    """

    action: Annotated[str, Meta(max_length=64)] | None = None
    actor: IdField | None = None
    subject: IdField | None = None
    since: Annotated[int, Meta(ge=0, le=MAX_INT)] | None = None
    after: Number | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MOST)] = PAGE_DEFAULT


class AuditEntry(msgspec.Struct, kw_only=True):
    """``actor`` did ``action``, concerning ``subject``; none: whoever runs the server. ``count`` is
    how many people or entries it was about, ``hash`` that of this entry and all before it.

    In a blind room (``room``) people go by pseudonym here too, and their address is not told.
    """

    number: int
    at: int
    action: str
    actor: str | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    room: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    count: int | UnsetType = UNSET
    details: dict[str, Any]
    hash: str


class AuditPage(msgspec.Struct):
    """Entries, newest first."""

    items: list[AuditEntry]
    next: int | UnsetType = UNSET


class Audit:
    """Who acts, for what is written with a change; and entries of what was only read."""

    LOOK_MS: Final = 3_600_000
    LOOKS_MOST: Final = 1_000  # that are remembered; the oldest is forgotten first

    def __init__(self, store: AuditStore, *, clock: WallClock) -> None:
        self._store, self._clock = store, clock
        self._looks: dict[tuple[int, str | None, str, str], Millis] = {}

    def by(self, call: Call[Any, Any], admin_no: int | None = None) -> By:
        """The admin who calls, where he is, now. His number where no token says who it is."""
        known = call.caller.user_no if admin_no is None else admin_no
        return By(known, self._clock.now_ms(), call.address)

    async def seen(
        self, call: Call[Any, Any], action: str, admin_no: int | None = None, **about: Any
    ) -> None:
        """An admin is about to be shown something; *about* as `note` takes it."""
        await self._store.note(action, self.by(call, admin_no), **about)

    async def looked(self, call: Call[Any, Any], action: str, job: str) -> None:
        """An admin looks on how *job* goes, maybe every second: one entry for each LOOK_MS."""
        by = self.by(call)
        look = (by.actor_no, by.address, action, job)
        if look in self._looks and by.at < self._looks[look] + self.LOOK_MS:
            return
        await self._store.note(action, by, job=job)
        self._looks.pop(look, None)
        self._looks[look] = by.at
        if len(self._looks) > self.LOOKS_MOST:
            del self._looks[next(iter(self._looks))]

    async def seen_by_member(self, call: Call[Any, Any], action: str, **about: Any) -> None:
        """The same of somebody who is no admin in this: his address is not kept."""
        await self._store.note(action, self.by(call)._replace(address=None), **about)


class AuditRoutes:
    """The route that shows the log."""

    def __init__(self, *, store: AuditStore, users: UserStore, audit: Audit) -> None:
        self._store, self._users, self._audit = store, users, audit

    async def list_all(self, call: Call[None, AuditQuery]) -> Answer:
        """Entries, newest first. That they were read is the next one."""
        query = call.query
        sought = Sought(
            query.action,
            await self._number(query.actor),
            await self._number(query.subject),
            None if query.since is None else Millis(query.since),
        )
        found = await self._store.listed(sought, after=query.after, limit=query.limit + 1)
        items = [_shown(each) for each in found[: query.limit]]
        await self._audit.seen(call, "audit.read", count=len(items))
        return Answer(200, AuditPage(items, items[-1].number if len(found) > len(items) else UNSET))

    async def _number(self, asked: str | None) -> int | None:
        if asked is None:
            return None
        name = normal(asked)
        person = (await self._users.named([name])).get(name)
        if person is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no such user")
        return person.user_no

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/admin/audit",
                name="list_audit",
                summary="What admins did, newest first",
                access=Access.ADMIN,
                handler=self.list_all,
                query=AuditQuery,
                answers={200: AuditPage},
                refusals=(404,),
            ),
        )


def _shown(entry: Entry) -> AuditEntry:
    return AuditEntry(
        number=entry.number,
        at=entry.at,
        action=entry.action,
        actor=entry.actor or UNSET,
        subject=entry.subject or UNSET,
        room=given(entry.room),
        address=given(entry.address),
        count=given(entry.count),
        details=dict(entry.details),
        hash=entry.hash,
    )
