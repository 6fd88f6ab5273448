"""Meetings of one node, wired: their store and their actors, and who is shown them."""

from __future__ import annotations

from typing import Literal

from structlog.typing import FilteringBoundLogger

from actors.meeting import MeetingSurroundings
from actors.meeting_commands import Answer as TakePart
from actors.meeting_commands import MeetingCommand
from actors.meeting_draft import News
from actors.meeting_records import Meeting
from actors.meeting_sessions import MeetingAudience, MeetingVotes
from actors.meetings import Meetings
from actors.node import Node
from actors.notification_records import NewNotification
from actors.ports import Session
from actors.requests import Caller
from protocol.errors import ProtocolError
from protocol.meetings import Vote
from server.http.meeting_parts import MeetingParts
from server.http.meeting_rooms import MeetingRooms
from server.http.notification_recipients import Recipients
from server.ids import random_id
from server.meeting_words import MeetingWords
from server.notification_reading import Answer
from server.notifying import Notifying
from server.postgres.blocks import BlockStore
from server.postgres.calendars import Calendars
from server.postgres.meetings import PostgresMeetings
from server.postgres.pool import Database
from server.postgres.relations import Relations
from server.postgres.users import UserStore


class Coordinating:
    """What a node has of meetings. To be made before the node runs."""

    def __init__(
        self,
        database: Database,
        node: Node,
        notifying: Notifying,
        *,
        log: FilteringBoundLogger,
    ) -> None:
        clock, turn_ended = node.ports.clock, node.ports.turn_ended
        self._database, self._node, self._log = database, node, log
        self._told = told = notifying.wake
        notifying.reading.meetings_hear(self._answered)
        self._store = PostgresMeetings(database)
        self._words = MeetingWords(clock=clock, new_id=random_id)
        self._audience = MeetingAudience(
            node.sessions, node.ports.fan_out, turn_ended=turn_ended, clock=clock
        )
        around = MeetingSurroundings(
            self._store, self._words.worded, self._audience.show, told, clock, log
        )
        self._meetings = Meetings(around)
        self._votes = MeetingVotes(self._meetings, turn_ended=turn_ended)
        node.also("meetings", self._meetings.run)

    def parts(self) -> MeetingParts:
        """What the routes need of it."""
        database = self._database
        recipients = Recipients(
            users=UserStore(database), blocks=BlockStore(database), relations=Relations(database)
        )
        return MeetingParts(
            coordinating=self,
            store=self._store,
            rooms=MeetingRooms(self._node.requests),
            recipients=recipients,
            calendars=Calendars(database),
        )

    def vote(self, session: Session, frame: Vote) -> None:
        """A vote from a connection."""
        self._votes.vote(session, frame)

    async def ask(self, meeting: str, command: MeetingCommand) -> Meeting:
        """What the meeting is after *command*. Raises ProtocolError."""
        return await self._meetings.ask(meeting, command)

    def called(self, meeting: Meeting) -> None:
        """There is a new one."""
        self._audience.show(meeting)
        self._meetings.wake()
        self._told()

    async def _answered(self, user_no: int, meeting: str, answer: Answer) -> None:
        """Somebody answered the notification of it. That is kept: should the meeting not hear of
        it now, he takes part as soon as he votes.
        """
        standing: Literal["accepted", "declined"] = "accepted" if answer == "accept" else "declined"
        try:
            found = await self.ask(meeting, TakePart(user_no, standing))
            if standing == "declined":
                me = found.people[user_no]
                caller = Caller(user_no, me.user_id, me.name, "user")
                await MeetingRooms(self._node.requests).leave(found, caller)
        except ProtocolError as error:
            self._log.warning("meeting_not_answered", meeting=meeting, code=error.code.value)

    def worded(self, news: News, meeting: Meeting) -> NewNotification:
        """What somebody is told."""
        return self._words.worded(news, meeting)
