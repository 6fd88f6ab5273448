"""A meeting while it is changed: what it is by now, whom that concerns, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from actors.meeting_records import PRESENT, HistoryEntry, Meeting, Participant
from actors.rules.meeting_states import OPEN, MeetingStatus, may
from actors.rules.tally import Option, Question
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis

NewsKind = Literal[
    "invited",
    "accepted",
    "declined",
    "left",
    "undecided",  # everybody has answered, and nothing can be chosen
    "confirmed",
    "cancelled",
    "reopened",
    "proposed",
    "vote_wanted",
    "starts_soon",
    "clashes",
]


class News(NamedTuple):
    """Something that one person is to be told, now or ``at`` a later time."""

    kind: NewsKind
    to: Participant
    by: int | None = None
    at: Millis | None = None


@dataclass
class Draft:
    """What the moves of a meeting work on."""

    meeting: Meeting
    now: Millis
    news: list[News] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)

    def copy(self) -> Draft:
        """Another, which may be changed."""
        return Draft(self.meeting.copy(), self.now, list(self.news), list(self.history))

    @property
    def is_open(self) -> bool:
        """Whether votes are taken."""
        return self.meeting.status in OPEN

    def expect_open(self) -> None:
        """Raises ProtocolError where votes and options are not taken any more."""
        if not self.is_open:
            raise ProtocolError(ErrorCode.CONFLICT, f"the meeting is {self.meeting.status}")

    def somebody(self, user_no: int) -> Participant:
        """Who asks. Raises ProtocolError for one who has no part in it."""
        found = self.meeting.people.get(user_no)
        if found is None or found.standing == "left":
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return found

    def expect_initiator(self, user_no: int) -> None:
        """Raises ProtocolError for all others."""
        self.somebody(user_no)
        if user_no != self.meeting.initiator:
            raise ProtocolError(ErrorCode.FORBIDDEN, "only who called the meeting may do this")

    def become(self, status: MeetingStatus) -> None:
        """Go on to *status*. Raises ProtocolError where that may not follow."""
        if not may(self.meeting.status, status):
            text = f"the meeting is {self.meeting.status}, and does not become {status}"
            raise ProtocolError(ErrorCode.CONFLICT, text)
        self.meeting.status = status

    def note(self, kind: str, by: int | None, **body: object) -> None:
        """Have the history say it."""
        self.history.append(HistoryEntry(kind=kind, by=by, at=self.now, body=body))

    def tell(
        self, kind: NewsKind, to: Iterable[int], *, by: int | None = None, at: Millis | None = None
    ) -> None:
        """Have those people told who are there, but for who did it himself."""
        people = (self.meeting.people[number] for number in to if number != by)
        self.news += [News(kind, each, by, at) for each in people if each.standing in PRESENT]

    def question(self) -> Question:
        """What is to be decided."""
        meeting = self.meeting
        options = [
            Option(each.id, each.position, each.starts_at) for each in meeting.standing_options()
        ]
        people = meeting.present()
        return Question(meeting.rule, meeting.initiator, people, options, meeting.votes, self.now)
