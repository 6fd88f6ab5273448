"""What a meeting consists of, as its actor, its rules and its stores hand it to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from actors.rules.meeting_states import MeetingStatus
from actors.rules.tally import Fault, Rule, Vote
from protocol.ids import Millis, RoomId, UserId

OptionKind = Literal["time", "place"]
Standing = Literal["invited", "accepted", "declined", "left"]
PRESENT: Final = frozenset[Standing]({"invited", "accepted"})
"""Who is of those that decide."""
Because = Literal["deadline", "all_answered", "settled", "confirmed", "no_option", "cancelled"]
"""Why it ended: by itself the first three, by a person ``confirmed`` and ``cancelled``;
``no_option``: at its deadline nothing could be chosen.
"""
TIMES_MOST, PLACES_MOST, PEOPLE_MOST = 30, 10, 50
EVER_PROPOSED_MOST: Final = 100
"""Options of one meeting, withdrawn ones among them."""


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who takes part, or did. ``zone``: an IANA name, for what is told in waking hours;
    ``reminded_at``: when he was last asked to vote.
    """

    user_no: int
    user_id: UserId
    name: str
    language: str
    zone: str
    standing: Standing
    reminded_at: Millis | None = None


class MeetingOption(msgspec.Struct, frozen=True, kw_only=True):
    """A time or a place that was proposed, the ``position``-th of its kind, for ever; who votes for
    one that was withdrawn is told so.

    Of a time: ``starts_at``, and the IANA ``zone`` that it was meant in. Of a place: ``name``,
    ``address``, and coordinates in degrees.
    """

    id: str
    kind: OptionKind
    position: int
    description: str = ""
    starts_at: Millis | None = None
    zone: str | None = None
    name: str = ""
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None
    proposed_by: int
    withdrawn_at: Millis | None = None


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """How one candidate stood when it was decided: of what ids, and how many said what."""

    time: str | None
    place: str | None
    yes: int
    maybe: int
    no: int
    unanswered: int
    score: int
    fault: Fault | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How a meeting ended, and why so: the best of what was considered, the chosen one first.

    ``tied`` of those after the first had the same score: the rule for ties chose among them.
    ``by``: the number of who did it; None: it decided itself.
    """

    because: Because
    at: Millis
    by: int | None = None
    time: str | None = None
    place: str | None = None
    starts_at: Millis | None = None
    ends_at: Millis | None = None
    reason: str = ""
    considered: Sequence[Considered] = ()
    tied: int = 0


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """A time that somebody has not: ``title`` is what he has then, for himself alone."""

    user_no: int
    option: str
    title: str
    starts_at: Millis
    ends_at: Millis


class Meeting(msgspec.Struct, kw_only=True):
    """All of a meeting. ``rev`` goes up by one with each commit that changed it; ``sequence`` with
    each that changed what calendars show (RFC 5545, section 3.8.7.4).

    ``people`` by number, ``options`` by id, ``votes`` by both. ``wake_at``: when something is to be
    done although nobody asks. ``room``: the meeting's own.
    """

    meeting_no: int
    id: str
    room: RoomId
    title: str
    initiator: int
    status: MeetingStatus
    rule: Rule
    zone: str
    duration_ms: int
    deadline: Millis | None
    is_open_to_proposals: bool
    rev: int
    sequence: int
    decision: Decision | None
    people: dict[int, Participant]
    options: dict[str, MeetingOption]
    votes: dict[tuple[int, str], Vote]
    created_at: Millis
    updated_at: Millis
    wake_at: Millis | None = None
    clashes: Sequence[Clash] = ()

    def copy(self) -> Meeting:
        """Another, which may be changed."""
        changed: Mapping[str, object] = {
            name: dict(getattr(self, name)) for name in ("people", "options", "votes")
        }
        return msgspec.structs.replace(self, **changed)

    def present(self) -> Sequence[int]:
        """The numbers of those who decide."""
        return [each.user_no for each in self.people.values() if each.standing in PRESENT]

    def standing_options(self) -> Sequence[MeetingOption]:
        """Those that were not withdrawn, in their order."""
        found = (each for each in self.options.values() if each.withdrawn_at is None)
        return sorted(found, key=lambda each: (each.kind, each.position))


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened: who did what, for who asks later how it came."""

    kind: str
    by: int | None
    at: Millis
    body: Mapping[str, object]
