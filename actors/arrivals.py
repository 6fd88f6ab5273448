"""Arrivals: from a verified token to an open session, many at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec import structs

from actors.audience import Audiences
from actors.batcher import Batcher
from actors.notices import Notices
from actors.ports import AdapterError, Claims, Standing
from actors.registry import Registry
from actors.replay import PacedSession
from actors.room_commands import Meet, RoomCommand
from actors.sessions import Connected, Sessions
from actors.user_commands import Look, UserCommand
from protocol.close import CloseCode
from protocol.frames import Gap, Room, RoomGone, RoomSummary
from protocol.ids import RoomId, UserId
from protocol.limits import REPLAY_MOST


class Arriving(Connected, PacedSession, Protocol):
    """What opening asks of a session."""

    def admit(self, standing: Standing) -> None:
        """The user may come in."""

    def later(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run *job* after the session's earlier ones, paced by the client's reading."""

    def welcome(self, summaries: list[RoomSummary]) -> Sequence[RoomSummary]:
        """Send ``welcome``: the session is open. Returns the rooms it had no place for."""


def refusal(found: Standing | None) -> tuple[CloseCode, str] | None:
    """Why one of that standing may not be connected; None where he may."""
    if found is not None and found.status != "active":  # his tokens are revoked with that, too
        return CloseCode.SUSPENDED, "the account is suspended"
    if found is None or found.revoked:
        return CloseCode.UNAUTHENTICATED, "the token is not valid"
    return None


Replay = Callable[[Arriving, RoomId, int, int], None]


class Arrivals:
    """Opens sessions: standing, rooms, ``welcome``, and each room from where the client stands.

    Between the read of the rooms and the ``welcome`` nothing may be missed: rooms whose membership
    changed meanwhile are left out, and introduce themselves.
    """

    def __init__(  # noqa: PLR0913 - everything that an arrival touches
        self,
        *,
        standings: Batcher[Claims, Standing],
        summaries: Batcher[UserId, list[RoomSummary]],
        sessions: Sessions,
        audiences: Audiences,
        users: Registry[UserCommand],
        rooms: Registry[RoomCommand],
        replay: Replay,
        notices: Notices,
    ) -> None:
        self._standings, self._summaries = standings, summaries
        self._sessions, self._audiences = sessions, audiences
        self._users, self._rooms, self._replay = users, rooms, replay
        self._notices = notices

    def begin(self, session: Arriving, resume: Mapping[str, int]) -> None:
        """Open *session*, whose token is verified, or close it with the code that says why not."""
        if not self._sessions.add(session):
            session.close(CloseCode.TOO_MANY_CONNECTIONS, "too many connections")
            return
        self._standings.ask(session.claims, lambda found: self._judge(session, resume, found))

    def _judge(
        self, session: Arriving, resume: Mapping[str, int], found: Standing | AdapterError | None
    ) -> None:
        if session.gone:
            return
        if isinstance(found, AdapterError):
            session.close(CloseCode.INTERNAL, "unavailable")
        elif (why := refusal(found)) is not None:
            session.close(*why)
        elif found is not None:
            session.admit(found)
            self._sessions.admitted(session)
            self._summaries.ask(session.user_id, lambda rooms: self._open(session, resume, rooms))

    def _open(
        self,
        session: Arriving,
        resume: Mapping[str, int],
        found: list[RoomSummary] | AdapterError | None,
    ) -> None:
        if session.gone:
            return
        if isinstance(found, AdapterError):
            session.close(CloseCode.INTERNAL, "unavailable")
            return
        summaries = [each for each in found or () if each.id not in session.changed]
        session.rooms.update(RoomId(summary.id) for summary in summaries)
        seen_in = [each for each in summaries if each.mode == "open" and not each.crowded]
        session.known_in.update(RoomId(each.id) for each in seen_in)
        rest = session.welcome(summaries)
        self._users.tell_or_drop(session.user_id, Look())
        self._notices.arrived(session)
        for summary in summaries[: len(summaries) - len(rest)]:
            self._follow(session, summary, resume.get(summary.id))
        for room in resume:
            if room not in session.rooms and room not in session.changed:
                session.offer(RoomGone(room=room, reason="not_member"))
        for room in session.changed:
            self._rooms.tell_when_open(room, Meet(session, resume.get(room)))
        if rest:
            session.later(partial(self._announce, session, resume, rest))

    async def _announce(
        self, session: Arriving, resume: Mapping[str, int], rest: Sequence[RoomSummary]
    ) -> None:
        """One ``room`` frame after another for those that did not fit into ``welcome``."""
        for summary in rest:
            await session.ready()
            if session.gone:
                return
            room = RoomId(summary.id)
            if room in session.rooms and room in session.changed:
                session.rooms.discard(room)
                session.known_in.discard(room)
                self._rooms.tell_when_open(room, Meet(session, resume.get(room)))
            elif room in session.rooms and not self._audiences.of(room).knows(session):
                session.offer(Room(**structs.asdict(summary)))
                self._follow(session, summary, resume.get(room))

    def _follow(self, session: Arriving, summary: RoomSummary, seen: int | None) -> None:
        room, last = RoomId(summary.id), summary.last_seq
        if seen is not None and (seen > last or last - seen > REPLAY_MOST):
            first = 1 if seen > last else seen + 1
            session.offer(Gap(room=room, from_=first, to=last))
            seen = None
        sent = last if seen is None else seen
        if sent < last or not self._audiences.of(room).join(session, sent):
            self._replay(session, room, sent, last)

    def end(self, session: Arriving) -> None:
        """The connection of *session* is gone."""
        self._sessions.remove(session)
        self._audiences.leave_all(session, list(session.rooms))
        self._notices.left(session)
        if session.opened:
            self._users.tell_or_drop(session.user_id, Look())
