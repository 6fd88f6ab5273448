"""What people are told outside their rooms: while they are connected, and on each connect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Final, Protocol, cast

from msgspec import structs

from actors.batcher import Batcher
from actors.notification_feed import NotificationFeed
from actors.notification_records import Shown
from actors.ports import AdapterError, Session
from actors.replay import PacedSession
from actors.sessions import Sessions
from actors.supervisor import Log
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ok, ServerFrame
from protocol.ids import UserId
from protocol.notices import Notification, NotificationGone, Seen
from protocol.refusals import error_frame

SEEN_AT_ONCE: Final = 8
"""Frames of one user that say ``seen``, until the first is stored."""
AGAIN_MS: Final = 1_000

SeenKey = tuple[int, tuple[str, ...]]
UnreadIds = tuple[str, ...]


class Arrived(PacedSession, Protocol):
    """A session that takes much as fast as its client reads it."""

    def later(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run *job* after the session's earlier ones."""


class Coming:
    """What is being read for a session that has arrived, but for what is gone meanwhile."""

    __slots__ = ("gone", "session")

    def __init__(self, session: Arrived) -> None:
        self.session, self.gone = session, set[str]()


class Notices:
    """Tells the sessions and streams of this node. What must not be lost is stored before it is
    told here.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        feed: NotificationFeed,
        unseen: Batcher[int, Sequence[Notification]],
        seen: Batcher[SeenKey, UnreadIds],
        turn_ended: Callable[[], None],
        log: Log,
    ) -> None:
        self._sessions, self._feed, self._turn_ended = sessions, feed, turn_ended
        self._log = log
        self._unseen, self._seen = unseen, seen
        self._waiting: Counter[int] = Counter()
        self._coming: dict[int, list[Coming]] = {}

    def tell(self, user: UserId, key: Hashable, frame: ServerFrame) -> None:
        """Show a state frame on every device of *user* here."""
        for session in self._sessions.of(user):
            session.offer_state(key, frame)

    def show(self, shown: Shown) -> None:
        """Show a new one on every device of its recipient, in place of what it replaces."""
        if shown.gone:
            self.gone(shown.recipient_no, shown.gone)
        frame = shown.notification
        if shown.is_loud:
            frame = structs.replace(frame, loud=True)
        for session in self._sessions.numbered(shown.recipient_no):
            self._offer(session, frame)
        self._feed.tell(shown.recipient_no, frame)

    def gone(self, user_no: int, ids: Sequence[str], *, but: Session | None = None) -> None:
        """These are not to be shown any more on any device of the user, *but* on one that knows."""
        frame = NotificationGone(ids=list(ids))
        for coming in self._coming.get(user_no, ()):
            coming.gone.update(ids)
        for session in self._sessions.numbered(user_no):
            if session is not but:
                session.offer(frame)
        self._feed.tell(user_no, frame)

    def told(self) -> None:
        """All of a round was told: it leaves now."""
        self._turn_ended()

    def arrived(self, session: Arrived) -> None:
        """Show an open session what its user has not seen."""
        coming = Coming(session)
        self._coming.setdefault(session.user_no, []).append(coming)
        self._unseen.ask(session.user_no, partial(self._found, coming))

    def left(self, session: Session) -> None:
        """It is closed."""
        for coming in list(self._coming.get(session.user_no, ())):
            if coming.session is session:
                self._end(coming)

    def recall(self) -> None:
        """Something may have been stored and not told: show everybody here what he has not seen."""
        for session in self._sessions:
            if session.opened:
                self.arrived(cast(Arrived, session))
        self._feed.restart()

    def _found(self, coming: Coming, found: Sequence[Notification] | AdapterError | None) -> None:
        if coming.session.gone or not found or isinstance(found, AdapterError):
            self._end(coming)  # they come with the next connect
        else:
            coming.session.later(partial(self._show_all, coming, found))

    async def _show_all(self, coming: Coming, found: Sequence[Notification]) -> None:
        """They may be more than a connection holds."""
        session = coming.session
        for notification in found:
            await session.ready()
            if not session.gone and notification.id not in coming.gone:
                self._offer(session, notification)
        self._end(coming)

    def _offer(self, session: Session, notification: Notification) -> None:
        try:
            session.offer(notification)
        except Exception as error:  # noqa: BLE001 - its data may be what no codec takes
            self._log.error("notification_not_told", notification=notification.id, exc_info=error)

    def _end(self, coming: Coming) -> None:
        mine = self._coming.get(coming.session.user_no, [])
        if coming in mine:
            mine.remove(coming)
            if not mine:
                del self._coming[coming.session.user_no]

    # ---- what was seen

    def seen(self, session: Session, frame: Seen) -> None:
        """The user has seen these; ``ok`` once that is stored."""
        user_no = session.user_no
        if self._waiting[user_no] >= SEEN_AT_ONCE:
            error = ProtocolError(ErrorCode.RATE_LIMITED, retry_after_ms=AGAIN_MS)
            session.offer(error_frame(error, rid=frame.rid))
            return
        self._waiting[user_no] += 1
        key = (user_no, tuple(dict.fromkeys(frame.ids)))
        self._seen.ask(key, partial(self._confirm, session, frame))

    def _confirm(
        self, session: Session, frame: Seen, unread: UnreadIds | AdapterError | None
    ) -> None:
        self._waiting[session.user_no] -= 1
        self._waiting += Counter()  # forgets those at zero
        is_stored = isinstance(unread, tuple)
        if unread and isinstance(unread, tuple):
            self.gone(session.user_no, unread, but=session)
        if session.gone:
            return
        if not is_stored:
            session.offer(error_frame(ProtocolError(ErrorCode.UNAVAILABLE), rid=frame.rid))
        elif frame.rid is not None:
            session.offer(Ok(rid=frame.rid))
