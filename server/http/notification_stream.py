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
from server.http.auth import rate_limited
from server.http.campaign_events import EVENTS
from server.http.notification_parts import PATH, NotificationParts
from server.http.notification_reading import payload_of
from server.http.notification_schemas import NoticePayload, NoticeSender, ToldNotice, millis, utc
from server.http.ports import Limits, Rate
from server.http.route import Call, NoQuery, Route, Streamed
from server.postgres.notification_inbox import ListedNotification
from server.postgres.users import UserStore

LAST: Final = re.compile(r"[0-9]{1,16}")
MARGIN_MS: Final = 120_000
"""What was stored so much earlier than another may have come later, or from another node."""
CLOCKS_MS: Final = 300_000
"""So much may the clock of another node be ahead."""
LAST_TOLD: Final = "The `id` of the last event that one has had."
PAGE: Final = SEEN_MOST
REMEMBERED: Final = 1_000
OPENED: Final = Rate(per_second=0.5, burst=20)
"""Streams that one user opens."""
COMMENT: Final = b": here\n\n"
RESET: Final = b"event: reset\ndata: {}\n\n"


def _is_event(last: str, now: Millis) -> bool:
    """Whether there may be such an event."""
    return LAST.fullmatch(last) is not None and int(last) <= now + CLOCKS_MS


class ToldLately:
    """Which ones a stream has told, so many at most: what is older than those it forgot is not
    looked for again.
    """

    def __init__(self) -> None:
        self._at: dict[str, Millis] = {}
        self.since = Millis(0)

    def is_new(self, told: ListedNotification | Told | None) -> bool:
        """Whether there is something to be told, which is noted."""
        if told is None or isinstance(told, NotificationGone):
            return told is not None
        if told.id in self._at:
            return False
        self._at[told.id] = Millis(told.at)
        if len(self._at) > REMEMBERED:
            forgotten = self._at.pop(next(iter(self._at)))
            self.since = Millis(max(self.since, forgotten + 1))
        return True


class NotificationStream:
    """The route that tells."""

    COMMENT_S: Final = 15.0  # so that nobody on the way takes the stream for dead

    def __init__(
        self, parts: NotificationParts, *, users: UserStore, limits: Limits, clock: WallClock
    ) -> None:
        self._parts, self._users, self._limits = parts, users, limits
        self._clock = clock

    async def tell(self, call: Call[None, NoQuery]) -> Streamed:
        """Server-sent events. ``notification`` says one as the list does, but for ``read`` and
        ``answer``, with ``loud: true`` where it is new and wants to be heard; the event's own
        ``id`` is its time, and names it as ``Last-Event-ID``. ``gone`` has the ``ids`` of those not
        to be shown any more, ``reset`` nothing: ``{}``. These two have no ``id``. A comment comes
        at once, where ``reset`` does not, and then every 15 seconds.

        First comes what is unread: the newest 100, or, with a ``Last-Event-ID``, all that came
        after that event; ``reset``, and the newest 100, where there can be no such event. What came
        late or on another node follows within 15 seconds. One may come twice; its ``id`` tells.
        """
        user_no, last = call.caller.user_no, call.headers.get("Last-Event-ID", "")
        if wait := await self._limits.take(f"stream:{user_no}", OPENED):
            raise rate_limited(wait, "you open too many streams")
        stream = self._parts.feed.open(user_no)  # before the look, so that none is between them
        try:
            missed = await self._missed(user_no, last)
        except BaseException:
            stream.close()
            raise

        async def close() -> None:
            stream.close()

        parts = self._told(call, stream, missed)
        return Streamed(parts, {"X-Accel-Buffering": "no"}, close=close)

    async def _missed(self, user_no: int, last: str) -> Sequence[ListedNotification]:
        now = self._clock.now_ms()
        if _is_event(last, now):
            return await self._since(user_no, Millis(max(int(last) - MARGIN_MS, 0)))
        newest = await self._parts.inbox.page(user_no, now=now, limit=PAGE, unread=True)
        return newest[::-1]

    async def _since(
        self, user_no: int, at: Millis, after: str = ""
    ) -> Sequence[ListedNotification]:
        now = self._clock.now_ms()
        return await self._parts.inbox.since(user_no, at, now=now, limit=PAGE, after=after)

    async def _told(
        self,
        call: Call[None, NoQuery],
        stream: FeedStream,
        page: Sequence[ListedNotification],
    ) -> AsyncIterator[bytes]:
        user_no, lately = call.caller.user_no, ToldLately()
        look_at = trio.current_time() + self.COMMENT_S
        is_known = _is_event(call.headers.get("Last-Event-ID", "0"), self._clock.now_ms())
        yield COMMENT if is_known else RESET
        try:
            while True:
                while page:
                    for each in filter(lately.is_new, page):
                        yield event_of(payload_of(each))
                    is_last = len(page) < PAGE
                    page = [] if is_last else await self._since(user_no, page[-1].at, page[-1].id)
                told = await _heard(stream, look_at)
                if told is not None and lately.is_new(told):
                    yield await self._event(told)
                if trio.current_time() >= look_at:
                    look_at = trio.current_time() + self.COMMENT_S
                    if not await self._holds(call.claims):
                        return
                    yield COMMENT
                    recent = Millis(max(self._clock.now_ms() - MARGIN_MS, lately.since))
                    page = await self._since(user_no, recent)
        except (trio.EndOfChannel, StoreUnavailable):
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

    async def _payload(self, told: Notification) -> ToldNotice:
        person = None if told.sender is UNSET else await self._users.by_id(UserId(told.sender))
        return ToldNotice(
            id=told.id,
            type=told.type,
            title=told.title,
            message=told.body,
            data=told.data,
            priority=told.priority,
            timestamp=utc(told.at),
            sender=UNSET if person is None else NoticeSender(person.user_id, person.shown_name),
            loud=told.loud,
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
                headers={"Last-Event-ID": LAST_TOLD},
            ),
        )


async def _heard(stream: FeedStream, until: float) -> Told | None:
    """The next one, or None when the time has come."""
    with trio.move_on_at(until):
        return await stream.receive()
    return None


def event_of(notice: NoticePayload) -> bytes:
    """It as an event, whose id is its time."""
    head = f"id: {millis(notice.timestamp)}\nevent: notification\ndata: "
    return head.encode() + msgspec.json.encode(notice) + b"\n\n"
