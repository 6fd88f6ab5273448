"""Notifications as they come, for those who only listen: server-sent events."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
import trio
from msgspec import UNSET

from actors.notification_feed import FeedStream, Told
from actors.ports import Claims, StoreUnavailable, WallClock
from protocol.ids import Millis, UserId
from protocol.limits import SEEN_MOST
from protocol.notices import Notification, NotificationGone
from server.http.campaign_events import EVENTS
from server.http.notification_parts import PATH, NotificationParts
from server.http.notification_reading import payload_of
from server.http.notification_schemas import NoticePayload, NoticeSender, millis, utc
from server.http.route import Call, NoQuery, Route, Streamed
from server.postgres.notification_inbox import ListedNotification
from server.postgres.users import UserStore

LAST: Final = re.compile(r"[0-9]{1,16}")
OVERLAP_MS: Final = 10_000
"""What was stored a little earlier than another may have come later."""
MISSED_MOST: Final = 1_000
COMMENT: Final = b": here\n\n"


class NotificationStream:
    """The route that tells."""

    COMMENT_S: Final = 15.0  # so that nobody on the way takes the stream for dead

    def __init__(self, parts: NotificationParts, *, users: UserStore, clock: WallClock) -> None:
        self._parts, self._users, self._clock = parts, users, clock

    async def tell(self, call: Call[None, NoQuery]) -> Streamed:
        """Events ``notification``, and ``gone`` with the ``ids`` of those not to be shown any more.

        First comes what is unread: the newest 100, or, with a ``Last-Event-ID``, what came after
        that event. One may come twice; its ``id`` tells.
        """
        user_no, last = call.caller.user_no, call.headers.get("Last-Event-ID", "")
        stream = self._parts.feed.open(user_no)  # before the look, so that none is between them
        try:
            missed = await self._missed(user_no, last)
        except BaseException:
            stream.close()
            raise

        async def close() -> None:
            stream.close()

        parts = self._told(call.claims, stream, missed)
        return Streamed(parts, {"X-Accel-Buffering": "no"}, close=close)

    async def _missed(self, user_no: int, last: str) -> Sequence[ListedNotification]:
        now, inbox = self._clock.now_ms(), self._parts.inbox
        if LAST.fullmatch(last):
            since = Millis(max(int(last) - OVERLAP_MS, 0))
            return await inbox.since(user_no, since, now=now, limit=MISSED_MOST)
        newest = await inbox.page(user_no, now=now, limit=SEEN_MOST, unread=True)
        return newest[::-1]

    async def _told(
        self, claims: Claims, stream: FeedStream, missed: Sequence[ListedNotification]
    ) -> AsyncIterator[bytes]:
        yield COMMENT
        for each in missed:
            yield event_of(payload_of(each))
        looked_at = trio.current_time()
        while True:
            told: Told | None = None
            with trio.move_on_after(self.COMMENT_S):
                try:
                    told = await stream.receive()
                except trio.EndOfChannel:
                    return
            try:
                if trio.current_time() >= looked_at + self.COMMENT_S:
                    looked_at = trio.current_time()
                    if not await self._holds(claims):
                        return
                yield COMMENT if told is None else await self._event(told)
            except StoreUnavailable:
                return  # who comes again begins where he was

    async def _holds(self, claims: Claims) -> bool:
        """Whether the token that opened the stream is still worth something."""
        standing = (await self._users.standings([claims])).get(claims.jti)
        is_over = self._clock.now_ms() >= claims.expires_at * 1_000
        is_good = standing is not None and standing.status == "active" and not standing.revoked
        return is_good and not is_over

    async def _event(self, told: Told) -> bytes:
        if isinstance(told, NotificationGone):
            return b"event: gone\ndata: " + msgspec.json.encode({"ids": told.ids}) + b"\n\n"
        return event_of(await self._payload(told))

    async def _payload(self, told: Notification) -> NoticePayload:
        person = None if told.sender is UNSET else await self._users.by_id(UserId(told.sender))
        return NoticePayload(
            id=told.id,
            type=told.type,
            title=told.title,
            message=told.body,
            data=told.data,
            priority=told.priority,
            timestamp=utc(told.at),
            sender=UNSET if person is None else NoticeSender(person.user_id, person.shown_name),
        )

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/stream",
                name="watch_notifications",
                summary="Notifications as they come",
                handler=self.tell,
                answers={200: None},
                text=EVENTS,
            ),
        )


def event_of(notice: NoticePayload) -> bytes:
    """It as an event, whose id is its time."""
    head = f"id: {millis(notice.timestamp)}\nevent: notification\ndata: "
    return head.encode() + msgspec.json.encode(notice) + b"\n\n"
