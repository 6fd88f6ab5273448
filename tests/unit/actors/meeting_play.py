"""Meetings on nodes with one store in memory, on virtual time, and everything that is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import trio
from remembering_log import RememberingLog

from actors.meeting import MeetingSurroundings
from actors.meeting_commands import MeetingCommand
from actors.meeting_draft import Draft, News
from actors.meeting_ports import Changed
from actors.meeting_records import Meeting, MeetingOption, Participant
from actors.meetings import Meetings
from actors.notification_records import NewNotification
from actors.rules.meeting_states import MeetingStatus
from actors.rules.tally import Rule
from protocol.errors import ProtocolError
from protocol.ids import Millis, RoomId, UserId
from server.memory.meetings import MemoryMeetings

START = 1_800_000_000_000  # 15 January 2027, 17:00 in Seoul
HOUR = 3_600_000
ANN, BOB, CHO = 1, 2, 3


class World:
    """A clock that may be set, a store, and what was shown and told."""

    def __init__(self) -> None:
        self.store, self.log = MemoryMeetings(), RememberingLog()
        self.offset = 0
        self.shown: list[Meeting] = []
        self.news: list[tuple[str, int, int | None]] = []

    def now_ms(self) -> Millis:
        return Millis(START + self.offset + round(trio.current_time() * 1000) - self.began)

    def begin(self) -> None:
        self.began = round(trio.current_time() * 1000)

    def node(self) -> Meetings:
        around = MeetingSurroundings(
            self.store, self.worded, self.shown.append, lambda: None, self, self.log
        )
        return Meetings(around)

    def worded(self, news: News, meeting: Meeting) -> NewNotification:
        self.news.append((news.kind, news.to.user_no, news.at))
        return NewNotification(
            id=f"{meeting.id}-{len(self.news)}",
            recipient_no=news.to.user_no,
            sender_no=news.by,
            type="meeting.response",
            title=news.kind,
            message="",
            data={},
            platforms=("web",),
            routing="all",
            unread_after_ms=0,
            priority=2,
            scheduled_at=self.now_ms(),
            expires_at=None,
            dedupe_key=None,
            collapse_key=None,
            created_at=self.now_ms(),
        )

    async def called(self, **more: Any) -> Meeting:
        """A meeting of Ann, Bob and Cho: two times tomorrow, and two places."""
        people = {number: person(number) for number in (ANN, BOB, CHO)}
        times = [time_option(number, START + (24 + number) * HOUR) for number in (0, 1)]
        options = [*times, *(place_option(number) for number in (0, 1))]
        values: dict[str, Any] = {
            "meeting_no": 0,
            "id": "m",
            "room": RoomId("m-m"),
            "title": "m",
            "initiator": ANN,
            "status": MeetingStatus.PROPOSING,
            "rule": Rule(),
            "zone": "Asia/Seoul",
            "duration_ms": HOUR,
            "deadline": START + 12 * HOUR,
            "is_open_to_proposals": True,
            "rev": 0,
            "sequence": 0,
            "decision": None,
            "people": people,
            "options": {each.id: each for each in options},
            "votes": {},
            "created_at": START,
            "updated_at": START,
            "wake_at": START + HOUR,
        }
        draft = Draft(Meeting(**(values | more)), self.now_ms())
        return await self.store.create(Changed(draft.meeting))


def person(number: int, zone: str = "Asia/Seoul") -> Participant:
    standing: Mapping[bool, Any] = {True: "accepted", False: "invited"}
    return Participant(
        user_no=number,
        user_id=UserId(f"u{number}"),
        name=f"u{number}",
        language="ko",
        zone=zone,
        standing=standing[number == ANN],
    )


def time_option(number: int, at: int, by: int = ANN) -> MeetingOption:
    return MeetingOption(
        id=f"t{number}",
        kind="time",
        position=number,
        starts_at=Millis(at),
        zone="Asia/Seoul",
        proposed_by=by,
    )


def place_option(number: int, by: int = ANN) -> MeetingOption:
    return MeetingOption(
        id=f"p{number}", kind="place", position=number, name=f"p{number}", proposed_by=by
    )


async def asked(
    node: Meetings, command: MeetingCommand, note: Callable[[Meeting | ProtocolError], None]
) -> None:
    """Ask, and say what came of it."""
    try:
        note(await node.ask("m", command))
    except ProtocolError as error:
        note(error)
