"""What is said of meetings over HTTP (specification 003, section 6.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.meeting_records import PEOPLE_MOST, PLACES_MOST, TIMES_MOST
from actors.rules.tally import Kind, Tie, Vote
from server.http.notification_schemas import Time

UserName = Annotated[str, Meta(min_length=1, max_length=64)]
OptionId = Annotated[str, Meta(min_length=1, max_length=64)]
Title = Annotated[str, Meta(min_length=1, max_length=255)]
Description = Annotated[str, Meta(max_length=500)]
Zone = Annotated[str, Meta(max_length=64, description="a zone such as Asia/Seoul")]
Others = Annotated[list[UserName], Meta(min_length=1, max_length=PEOPLE_MOST - 1)]
Index = Annotated[int, Meta(ge=0, le=99)]
Status = Literal["proposing", "voting", "confirmed", "cancelled"]
DAY_MIN = 24 * 60


class Asking(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a client says."""


class Coordinates(msgspec.Struct, forbid_unknown_fields=True):
    """In degrees."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lng: Annotated[float, Meta(ge=-180, le=180)]


class ProposedTime(Asking):
    """When it could begin. ``timeZone``: where that was meant, if not in the meeting's zone."""

    datetime: Time
    description: Description = ""
    time_zone: Zone | None = None


class ProposedPlace(Asking):
    """Where it could be."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    address: Description = ""
    coordinates: Coordinates | None = None
    description: Description = ""


Times = Annotated[list[ProposedTime], Meta(max_length=TIMES_MOST)]
Places = Annotated[list[ProposedPlace], Meta(max_length=PLACES_MOST)]


class AskedRule(Asking):
    """How it is decided. ``quorum`` belongs to that kind; ``required``: who has to say yes, by user
    id, of those who take part.
    """

    kind: Kind = "most_yes"
    quorum: Annotated[int, Meta(ge=1, le=PEOPLE_MOST)] | None = None
    required: Annotated[list[UserName], Meta(max_length=PEOPLE_MOST)] = []
    tie: Tie = "earliest"
    early: bool = True
    when_all_answered: bool = True


class NewMeeting(Asking):
    """``participantIds`` are the others, by user id or username. Without ``openToProposals`` only
    who calls it proposes more. ``timeZone`` is his own where none is given.
    """

    participant_ids: Others
    title: Title
    proposed_times: Times = []
    proposed_locations: Places = []
    deadline: Time | None = None
    rule: AskedRule = msgspec.field(default_factory=AskedRule)
    time_zone: Zone | None = None
    duration_minutes: Annotated[int, Meta(ge=5, le=7 * DAY_MIN)] = 60
    open_to_proposals: bool = True


class VoteAsked(Asking):
    """A vote on one option by its id, or on a time, a place, or both by their place in the list as
    it was proposed, counted from 0.
    """

    vote: Vote
    option_id: OptionId | None = None
    time_index: Index | None = None
    location_index: Index | None = None


class MoreOptions(Asking):
    """More to choose from."""

    proposed_times: Times = []
    proposed_locations: Places = []


class MorePeople(Asking):
    """Others who are to take part."""

    participant_ids: Others


class Participation(Asking):
    """Whether one takes part."""

    standing: Literal["accepted", "declined", "left"]


class MeetingEdit(Asking):
    """What is to be otherwise; ``deadline`` null: without one."""

    title: Title | UnsetType = UNSET
    deadline: Time | UnsetType | None = UNSET
    rule: AskedRule | UnsetType = UNSET


class Choice(Asking):
    """A time, a place, or both, by option id."""

    time: OptionId | None = None
    location: OptionId | None = None


class Cancellation(Asking):
    """Why, for the others."""

    reason: Description = ""


class Reopening(Asking):
    """Until when is voted; null: until it is confirmed."""

    deadline: Time | None = None


class MeetingsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The newest first, older than the meeting ``before``."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    before: OptionId | None = None
    status: Status | None = None


class HistoryQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The last first, before the entry of that number."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    before: Annotated[int, Meta(ge=1, lt=2**53)] | None = None


# ---- answers


class Shown(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What the server says."""


class PersonShown(Shown):
    """Somebody of a meeting, or who was."""

    id: str
    name: str
    standing: str


class OptionShown(Shown):
    """A time has a ``datetime`` and a ``timeZone``; a place a ``name``. ``votes`` by user id."""

    id: str
    index: int
    proposed_by: str
    votes: dict[str, Vote]
    datetime: datetime | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    coordinates: dict[str, float] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    withdrawn: bool = False


class RuleShown(msgspec.Struct, kw_only=True, rename="camel"):
    """How it is decided."""

    kind: Kind
    tie: Tie
    early: bool
    when_all_answered: bool
    quorum: int | UnsetType = UNSET
    required: list[str] = []


class CandidateShown(msgspec.Struct, kw_only=True, rename="camel"):
    """A time with a place, or one of them, by option id: how many say what of both."""

    yes: int
    maybe: int
    no: int
    unanswered: int
    score: int
    time: str | UnsetType = UNSET
    location: str | UnsetType = UNSET
    fault: str | UnsetType = UNSET


class DecisionShown(Shown):
    """How it ended and why; ``considered``: the best, the chosen one first."""

    because: str
    at: datetime
    by: str | UnsetType = UNSET
    time: str | UnsetType = UNSET
    location: str | UnsetType = UNSET
    starts_at: datetime | UnsetType = UNSET
    ends_at: datetime | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    considered: list[CandidateShown] = []
    tied: int = 0


class ClashShown(Shown):
    """What the caller has at a time that is proposed."""

    option: str
    title: str
    starts_at: datetime
    ends_at: datetime


class MeetingShown(msgspec.Struct, kw_only=True, rename="camel"):
    """All of a meeting as it is now; ``conflicts`` are the caller's own alone."""

    id: str
    rev: int
    title: str
    status: Status
    initiator: str
    room: str
    time_zone: str
    duration_minutes: float
    open_to_proposals: bool
    participants: list[PersonShown]
    proposed_times: list[OptionShown]
    proposed_locations: list[OptionShown]
    rule: RuleShown
    standing: list[CandidateShown]
    conflicts: list[ClashShown]
    created_at: datetime
    updated_at: datetime
    deadline: datetime | UnsetType = UNSET
    decision: DecisionShown | UnsetType = UNSET


class MeetingListed(msgspec.Struct, kw_only=True, rename="camel"):
    """One of the caller's, who has said nothing of ``unanswered`` options."""

    id: str
    room: str
    title: str
    status: Status
    initiator: str
    standing: str
    participants: int
    unanswered: int
    rev: int
    created_at: datetime
    updated_at: datetime
    deadline: datetime | UnsetType = UNSET
    decision: DecisionShown | UnsetType = UNSET


class MeetingList(msgspec.Struct):
    """A page; ``next`` is the ``before`` of the next one."""

    meetings: list[MeetingListed]
    next: str | UnsetType = UNSET


class EntryShown(Shown):
    """What happened; without ``by`` it happened by itself."""

    number: int
    kind: str
    at: datetime
    by: str | UnsetType = UNSET
    data: dict[str, Any] = {}


class MeetingHistory(msgspec.Struct):
    """A page; ``next`` is the ``before`` of the next one."""

    entries: list[EntryShown]
    next: int | UnsetType = UNSET
