"""What all stores of meetings go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from actors.meeting_records import Meeting
from actors.rules.meeting_states import MeetingStatus
from protocol.ids import Millis


class Busy(NamedTuple):
    """A time that somebody has not, and what he has then."""

    starts_at: Millis
    ends_at: Millis
    title: str


def busy_of(meeting: Meeting) -> Mapping[int, Busy]:
    """By their numbers, when people have no time because of *meeting*."""
    decided = meeting.decision
    if meeting.status is not MeetingStatus.CONFIRMED or decided is None:
        return {}
    if decided.starts_at is None or decided.ends_at is None:
        return {}
    busy = Busy(decided.starts_at, decided.ends_at, meeting.title)
    return dict.fromkeys(meeting.present(), busy)


def differs(before: Meeting, after: Meeting) -> bool:
    """Whether there is something to be kept. When it changed last, and what others have meanwhile
    are no changes of a meeting.
    """
    same = {"rev": before.rev, "updated_at": before.updated_at, "clashes": before.clashes}
    return msgspec.structs.replace(after, **same) != before
