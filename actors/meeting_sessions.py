"""Meetings and those who are connected: what they are shown, and how they vote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from actors.meeting_commands import CastVote
from actors.meeting_frames import frame_of
from actors.meeting_records import PRESENT, Meeting
from actors.meetings import Meetings
from actors.ports import FanOut, Session, WallClock
from actors.ref import ActorError
from actors.sessions import Sessions
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ok
from protocol.meetings import Vote
from protocol.refusals import error_frame


class MeetingAudience:
    """Shows a meeting to those of its people who are connected here; of several changes that follow
    upon each other a slow one is shown the last.
    """

    def __init__(
        self,
        sessions: Sessions,
        fan_out: FanOut,
        *,
        turn_ended: Callable[[], None],
        clock: WallClock,
    ) -> None:
        self._sessions, self._fan_out = sessions, fan_out
        self._turn_ended, self._clock = turn_ended, clock

    def show(self, meeting: Meeting) -> None:
        """It is like this now."""
        here = [
            session
            for each in meeting.people.values()
            if each.standing in PRESENT
            for session in self._sessions.numbered(each.user_no)
        ]
        if not here:
            return
        frame = frame_of(meeting, now=self._clock.now_ms())
        self._fan_out(here, frame, ("meeting", meeting.id))
        self._turn_ended()


class MeetingVotes:
    """Takes votes from connections, and answers each when it is durable."""

    def __init__(self, meetings: Meetings, *, turn_ended: Callable[[], None]) -> None:
        self._meetings, self._turn_ended = meetings, turn_ended

    def vote(self, session: Session, frame: Vote) -> None:
        """``ok``, or an error; nothing to one without ``rid`` whose vote is taken."""
        command = CastVote(session.user_no, frame.option, frame.vote)
        try:
            self._meetings.tell(frame.meeting, command, partial(self._answer, session, frame))
        except ActorError:
            self._answer(session, frame, ProtocolError(ErrorCode.UNAVAILABLE))

    def _answer(self, session: Session, frame: Vote, found: Meeting | ProtocolError) -> None:
        if isinstance(found, ProtocolError):
            session.offer(error_frame(found, rid=frame.rid))
        elif frame.rid is not None:
            session.offer(Ok(rid=frame.rid))
        self._turn_ended()
