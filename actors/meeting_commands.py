"""What may be asked of a meeting. To whom has no part in it there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from actors.meeting_records import MeetingOption, OptionKind, Participant
from actors.message import message
from actors.rules.tally import Rule, Vote
from protocol.ids import Millis


@message
class CastVote:
    """*option*: its id, or which one of its kind, counted from 0 over all that were ever there."""

    user_no: int
    option: str | tuple[OptionKind, int]
    vote: Vote


@message
class Propose:
    """More to choose from; ``position`` and ``proposed_by`` are set when they are taken in."""

    user_no: int
    options: Sequence[MeetingOption]


@message
class Withdraw:
    """Take back an option: one's own, or any of those of whom one has invited."""

    user_no: int
    option: str


@message
class StartVoting:
    """Options are not proposed any more, but by the initiator."""

    user_no: int


@message
class Invite:
    """Have more people take part; those who declined or left are asked again."""

    user_no: int
    people: Sequence[Participant]


@message
class Answer:
    """Say whether one takes part. ``left`` is for who had accepted."""

    user_no: int
    standing: Literal["accepted", "declined", "left"]


@message
class Edit:
    """Change what the initiator set; None: as it is. ``deadline`` 0: without one."""

    user_no: int
    title: str | None = None
    deadline: Millis | None = None
    rule: Rule | None = None


@message
class Confirm:
    """Decide by hand: a time, a place, or both, by id."""

    user_no: int
    time: str | None
    place: str | None


@message
class Cancel:
    """It will not take place."""

    user_no: int
    reason: str


@message
class Reopen:
    """Vote again, with the votes that there are, until the ``deadline`` (None: without one), or
    until it is confirmed by hand.
    """

    user_no: int
    deadline: Millis | None


@message
class Tick:
    """Something may be due: the deadline, or somebody is to be reminded."""


MeetingCommand = (
    CastVote
    | Propose
    | Withdraw
    | StartVoting
    | Invite
    | Answer
    | Edit
    | Confirm
    | Cancel
    | Reopen
    | Tick
)
