"""The sessions that follow one room, and how far each of them has come.

An audience belongs to the node, not to an incarnation of the room: when a room crashes or is
let go, nobody is disconnected, and the next incarnation goes on from where each session stands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from actors.ports import FanOut, Session
from actors.rules.event_frames import blank
from protocol.events import Event
from protocol.ids import RoomId


class Audience:
    """Followers of one room.

    Every session in ``live`` was offered everything up to ``upto`` and nothing above it. A session
    in ``parked`` stands elsewhere: the room is at rest, or its events are still on their way. One
    in ``coming`` is being replayed.
    """

    TAIL = 128  # recent events kept for those who arrive late
    AT_ONCE = 8  # of them offered in one step; more are paced by the client's reading

    def __init__(self, room: RoomId, fan_out: FanOut) -> None:
        self.room = room
        self._fan_out = fan_out
        self.upto: int | None = None  # None: no incarnation has said yet
        self.deletions = 0  # so far: what was read before one may say what is deleted
        self.active = False  # an incarnation of the room publishes here
        self.crowded: bool | None = None  # as followers were told
        self.unsettled = False  # some of them may have been told otherwise since
        self.live: dict[Session, None] = {}
        self.parked: dict[Session, int] = {}
        self.coming: dict[Session, object] = {}  # with the ticket of its replay
        self._tail: deque[Event] = deque(maxlen=self.TAIL)

    def join(self, session: Session, sent: int) -> bool:
        """Follow from *sent* + 1, in this very step if only few events are missing.

        False when there are more: the session must be replayed up to ``upto`` first.
        """
        if self.upto is None or sent > self.upto:
            self.coming.pop(session, None)
            self.parked[session] = sent
            return True
        missed = self.since(sent)
        if missed is None or len(missed) > self.AT_ONCE or (missed and session.congested):
            return False
        for event in missed:
            session.offer(event)
        self.coming.pop(session, None)
        self.live[session] = None
        return True

    def leave(self, session: Session) -> None:
        """Follow no longer."""
        self.live.pop(session, None)
        self.parked.pop(session, None)
        self.coming.pop(session, None)

    def follows(self, session: Session) -> bool:
        """Whether *session* is live or parked here."""
        return session in self.live or session in self.parked

    def knows(self, session: Session) -> bool:
        """Whether *session* follows or is about to."""
        return self.follows(session) or session in self.coming

    def expect(self, session: Session) -> object:
        """*session* is being replayed: the ticket that this replay, and no older one, goes on."""
        ticket = self.coming[session] = object()
        return ticket

    def standings(self) -> list[tuple[Session, int | None]]:
        """Everybody, and the last seq each was offered, where that is for this class to know."""
        live = [(session, self.upto) for session in self.live]
        return [*live, *self.parked.items(), *((session, None) for session in self.coming)]

    def empty(self) -> bool:
        """Whether nobody follows."""
        return not (self.live or self.parked or self.coming)

    def resume(self, durable: int, tail: Sequence[Event]) -> list[tuple[Session, int]]:
        """A new incarnation begins at *durable*; *tail* ascends and ends there.

        Everybody is brought up to *durable* from the tail; returns whom it does not reach, with
        the seq each stands at.
        """
        live = {} if self.upto is None else dict.fromkeys(self.live, self.upto)
        standing = {**live, **self.parked}
        self.upto, self._tail = durable, deque(tail, maxlen=self.TAIL)
        self.active = True
        self.live, self.parked = {}, {}
        return [
            (session, sent) for session, sent in standing.items() if not self.join(session, sent)
        ]

    def rest(self) -> None:
        """The room was let go: nothing more comes until ``resume``."""
        self.active = False
        self._tail.clear()

    def publish(self, event: Event) -> None:
        """Offer the next durable event to everybody."""
        if self.upto is not None and event.seq <= self.upto:
            return
        self._fan_out(self.live, event)
        self.upto = event.seq
        self._tail.append(event)
        if self.parked:
            self._unpark()

    def blank(self, of: int) -> None:
        """The message *of* is deleted: whoever arrives late is not told what it said."""
        self.deletions += 1
        self._tail = deque((blank(event, of) for event in self._tail), maxlen=self.TAIL)

    def since(self, sent: int) -> list[Event] | None:
        """Events above *sent*, or None when the tail does not reach back to it."""
        if sent == self.upto:
            return []
        if not self._tail or self._tail[0].seq > sent + 1:
            return None
        return [event for event in self._tail if event.seq > sent]

    def _unpark(self) -> None:
        for session in [s for s, sent in self.parked.items() if sent == self.upto]:
            del self.parked[session]
            self.live[session] = None


class Audiences:
    """The audiences of all rooms that somebody here follows or that are active here."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self._by_room: dict[RoomId, Audience] = {}

    def of(self, room: RoomId) -> Audience:
        """The audience of *room*, made on first use."""
        audience = self._by_room.get(room)
        if audience is None:
            audience = self._by_room[room] = Audience(room, self._fan_out)
        return audience

    def followers(self, room: RoomId) -> list[Session]:
        """Every session that follows *room*, or is about to."""
        audience = self._by_room.get(room)
        return [] if audience is None else [session for session, _ in audience.standings()]

    def leave_all(self, session: Session, rooms: Sequence[RoomId]) -> None:
        """*session* is gone from every one of *rooms*."""
        for room in rooms:
            audience = self._by_room.get(room)
            if audience is not None:
                audience.leave(session)
                self._drop_unused(audience)

    def rest(self, room: RoomId) -> None:
        """*room* has no incarnation any more."""
        audience = self._by_room.get(room)
        if audience is not None:
            audience.rest()
            self._drop_unused(audience)

    def _drop_unused(self, audience: Audience) -> None:
        if not audience.active and audience.empty():
            del self._by_room[audience.room]

    def __len__(self) -> int:
        return len(self._by_room)
