"""The frames of meetings that people agree upon."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from protocol.fields import Frame, IdField, Rid

VoteWord = Literal["yes", "no", "maybe"]


class Vote(Frame):
    """What the user says of one option of a meeting; the last word counts."""

    meeting: IdField
    option: IdField
    vote: VoteWord
    rid: Rid | None = None


class MeetingPerson(msgspec.Struct, kw_only=True):
    """Somebody of a meeting, or who was."""

    user: str
    name: str
    standing: Literal["invited", "accepted", "declined", "left"]


class MeetingOptionShown(msgspec.Struct, kw_only=True):
    """A time (``at``, meant in ``zone``) or a place (``name`` and what is known of it).

    ``votes`` by user. Who votes for what was ``withdrawn`` is told that it is gone.
    """

    id: str
    by: str
    votes: dict[str, VoteWord]
    at: int | UnsetType = UNSET
    zone: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    coordinates: dict[str, float] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    withdrawn: bool | UnsetType = UNSET


class MeetingRule(msgspec.Struct, kw_only=True):
    """How it is decided: as told beforehand."""

    kind: Literal["most_yes", "most_points", "unanimous", "quorum"]
    tie: Literal["earliest", "first_proposed", "initiator"]
    early: bool
    when_all_answered: bool
    quorum: int | UnsetType = UNSET
    required: list[str] | UnsetType = UNSET


class MeetingCandidate(msgspec.Struct, kw_only=True):
    """A time with a place, or one of them: how many say what of both. ``fault``: why it cannot be
    chosen.
    """

    yes: int
    maybe: int
    no: int
    unanswered: int
    score: int
    time: str | UnsetType = UNSET
    place: str | UnsetType = UNSET
    fault: str | UnsetType = UNSET


class MeetingDecision(msgspec.Struct, kw_only=True):
    """How it ended and why. ``considered`` were the best, the chosen one first; ``tied`` of the
    others had its score, so that the rule for ties chose.
    """

    because: str
    at: int
    considered: list[MeetingCandidate]
    tied: int
    by: str | UnsetType = UNSET
    time: str | UnsetType = UNSET
    place: str | UnsetType = UNSET
    starts_at: int | UnsetType = UNSET
    ends_at: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class MeetingState(Frame, tag="meeting"):
    """All of a meeting as it is now. ``rev`` goes up with each change: of two the higher is newer.

    ``standing`` are its best candidates by the votes that there are, the best first; ``deadline``,
    ``created_at`` and ``updated_at`` are times.
    """

    id: str
    rev: int
    title: str
    status: Literal["proposing", "voting", "confirmed", "cancelled"]
    initiator: str
    room: str
    zone: str
    duration_ms: int
    open_to_proposals: bool
    people: list[MeetingPerson]
    times: list[MeetingOptionShown]
    places: list[MeetingOptionShown]
    rule: MeetingRule
    standing: list[MeetingCandidate]
    created_at: int
    updated_at: int
    deadline: int | UnsetType = UNSET
    decision: MeetingDecision | UnsetType = UNSET
