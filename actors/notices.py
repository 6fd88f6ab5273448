"""What people are told outside their rooms: while they are connected, and on each connect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Final

from actors.batcher import Batcher
from actors.ports import AdapterError, Session
from actors.sessions import Sessions
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ok, ServerFrame
from protocol.ids import UserId
from protocol.notices import Notification, Seen
from protocol.refusals import error_frame

SEEN_AT_ONCE: Final = 8
"""Frames of one user that say ``seen``, until the first is stored."""
AGAIN_MS: Final = 1_000

SeenKey = tuple[int, tuple[str, ...]]


class Notices:
    """Tells the sessions of this node. What must not be lost is stored before it is told here."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        unseen: Batcher[int, Sequence[Notification]],
        seen: Batcher[SeenKey, bool],
        turn_ended: Callable[[], None],
    ) -> None:
        self._sessions, self._turn_ended = sessions, turn_ended
        self._unseen, self._seen = unseen, seen
        self._waiting: Counter[int] = Counter()

    def tell(self, user: UserId, key: Hashable, frame: ServerFrame) -> None:
        """Show a state frame on every device of *user* here."""
        for session in self._sessions.of(user):
            session.offer_state(key, frame)

    def told(self) -> None:
        """All of a round was told: it leaves now."""
        self._turn_ended()

    def arrived(self, session: Session) -> None:
        """Show an open session what its user has not seen."""
        self._unseen.ask(session.user_no, partial(_show, session))

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
        self,
        session: Session,
        frame: Seen,
        done: bool | AdapterError | None,  # noqa: FBT001 - the batcher's answer
    ) -> None:
        self._waiting[session.user_no] -= 1
        self._waiting += Counter()  # forgets those at zero
        if session.gone:
            return
        if done is not True:
            session.offer(error_frame(ProtocolError(ErrorCode.UNAVAILABLE), rid=frame.rid))
        elif frame.rid is not None:
            session.offer(Ok(rid=frame.rid))


def _show(session: Session, found: Sequence[Notification] | AdapterError | None) -> None:
    if session.gone or isinstance(found, AdapterError):
        return  # they come with the next connect
    for notification in found or ():
        session.offer(notification)
