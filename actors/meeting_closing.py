"""What happens to a meeting by itself: it is decided, and people are reminded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from actors.meeting_draft import Draft
from actors.meeting_records import Because, Considered, Decision, Meeting, Participant
from actors.notification_records import QuietHours
from actors.rules.meeting_states import OPEN, MeetingStatus
from actors.rules.quiet_hours import quiet_until
from actors.rules.tally import Counted, Question, Result
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis

NIGHT: Final = QuietHours("21:00", "09:00")
"""Nobody is asked to vote then, by the clock where he is."""
DAY_MS: Final = 86_400_000
STARTS_SOON_MS: Final = 30 * 60_000
CONSIDERED_MOST: Final = 10


def settle(draft: Draft) -> None:
    """Decide what can be decided, remind whom it is time for, and say when to look again."""
    meeting = draft.meeting
    if draft.is_open:
        _close(draft)
    if draft.is_open:
        _remind(draft)
    meeting.wake_at = min(_wakes(meeting), default=None) if meeting.status in OPEN else None


def close_if_over(draft: Draft) -> None:
    """Before anybody's wish is looked at: what came after the deadline comes too late."""
    ends = closes_at(draft.meeting)
    if draft.is_open and ends is not None and draft.now >= ends:
        _close(draft)


def closes_at(meeting: Meeting) -> Millis | None:
    """Its deadline, or when the last of its times begins, what is first; None: neither is there."""
    starts = [each.starts_at for each in meeting.standing_options() if each.starts_at is not None]
    ends = [at for at in (meeting.deadline, max(starts, default=None)) if at is not None]
    return min(ends, default=None)


def confirmed(
    draft: Draft,
    time: str | None,
    place: str | None,
    *,
    because: Because,
    by: int | None = None,
    result: Result | None = None,
) -> None:
    """It takes place then and there. Raises ProtocolError where that is past."""
    meeting = draft.meeting
    found = result or draft.question().result
    starts = None if time is None else meeting.options[time].starts_at
    if starts is not None and starts <= draft.now:
        raise ProtocolError(ErrorCode.CONFLICT, "this time is past")
    draft.become(MeetingStatus.CONFIRMED)
    meeting.sequence += 1
    meeting.decision = Decision(
        because=because,
        at=draft.now,
        by=by,
        time=time,
        place=place,
        starts_at=starts,
        ends_at=None if starts is None else Millis(starts + meeting.duration_ms),
        considered=considered(found, time, place),
        tied=len(found.tied),
    )
    draft.note("confirmed", by, time=time, place=place, because=because)
    draft.tell("confirmed", meeting.people)
    _tell_of_time(draft, time, starts)


def _tell_of_time(draft: Draft, time: str | None, starts: Millis | None) -> None:
    if time is None or starts is None:
        return
    clashing = {each.user_no for each in draft.meeting.clashes if each.option == time}
    draft.tell("clashes", sorted(clashing))
    if starts - STARTS_SOON_MS > draft.now:
        draft.tell("starts_soon", draft.meeting.people, at=Millis(starts - STARTS_SOON_MS))


def _close(draft: Draft) -> None:
    """End it where it is over, everybody has answered, or nothing can change it any more."""
    meeting, question, ends = draft.meeting, draft.question(), closes_at(draft.meeting)
    is_over = ends is not None and draft.now >= ends
    because = "deadline" if is_over else _because(question)
    if because is None:
        return
    result = question.result
    if result.chosen is not None:
        time, place = _ids(result.chosen)
        confirmed(draft, time, place, because=because, result=result)
    elif is_over:
        _cancelled_for_nothing(draft, result)
    elif because == "all_answered":
        draft.tell("undecided", [meeting.initiator])


def _because(question: Question) -> Because | None:
    """Why it is to be decided before its deadline; None: it is not."""
    rule = question.rule
    if rule.when_all_answered and question.all_answered():
        return "all_answered"
    return "settled" if rule.early and question.votes and question.is_settled() else None


def _cancelled_for_nothing(draft: Draft, result: Result) -> None:
    meeting = draft.meeting
    draft.become(MeetingStatus.CANCELLED)
    meeting.decision = Decision(
        because="no_option", at=draft.now, considered=considered(result, None, None)
    )
    draft.note("cancelled", None, because="no_option")
    draft.tell("cancelled", meeting.people)


def _ids(counted: Counted) -> tuple[str | None, str | None]:
    time, place = counted.candidate
    return time and time.id, place and place.id


def considered(result: Result, time: str | None, place: str | None) -> list[Considered]:
    """The best candidates, before them the one of that *time* and *place*."""
    found = [
        Considered(
            time=_ids(each)[0],
            place=_ids(each)[1],
            yes=each.yes,
            maybe=each.maybe,
            no=each.no,
            unanswered=each.unanswered,
            score=each.score,
            fault=each.fault,
        )
        for each in result.counted
    ]
    found.sort(key=lambda each: (each.time, each.place) != (time, place))
    return found[:CONSIDERED_MOST]


# ---- reminders


def _remind(draft: Draft) -> None:
    meeting = draft.meeting
    for each in list(_silent(meeting)):
        at = _reminded_at(meeting, each)
        if at is not None and at <= draft.now:
            meeting.people[each.user_no] = msgspec.structs.replace(each, reminded_at=draft.now)
            draft.tell("vote_wanted", [each.user_no])


def _silent(meeting: Meeting) -> Iterator[Participant]:
    """Who has not voted for anything that is still to be voted for."""
    options = [each.id for each in meeting.standing_options()]
    for number in meeting.present():
        if not any((number, option) in meeting.votes for option in options):
            yield meeting.people[number]


def _reminded_at(meeting: Meeting, person: Participant) -> Millis | None:
    """A day before the deadline, or half-way to it where that is less, but not at night."""
    if person.reminded_at is not None or meeting.deadline is None:
        return None
    ahead = min(DAY_MS, (meeting.deadline - meeting.created_at) // 2)
    at = Millis(meeting.deadline - ahead)
    awake = quiet_until(NIGHT, person.zone, at) or at
    return awake if awake < meeting.deadline else None


def _wakes(meeting: Meeting) -> Iterator[Millis]:
    ends = closes_at(meeting)
    if ends is not None:
        yield ends
    for each in _silent(meeting):
        at = _reminded_at(meeting, each)
        if at is not None:
            yield at
