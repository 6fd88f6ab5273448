"""What each thing that people do makes of a meeting. Raises ProtocolError, and has then changed
nothing; what was done before already is done again without an error, where that is the same.
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from actors.meeting_closing import confirmed
from actors.meeting_commands import (
    Answer,
    Cancel,
    CastVote,
    Confirm,
    Edit,
    Invite,
    MeetingCommand,
    Propose,
    Reopen,
    StartVoting,
    Tick,
    Withdraw,
)
from actors.meeting_draft import Draft
from actors.meeting_records import (
    EVER_PROPOSED_MOST,
    PEOPLE_MOST,
    PLACES_MOST,
    TIMES_MOST,
    Decision,
    MeetingOption,
    OptionKind,
)
from actors.rules.meeting_states import MeetingStatus
from protocol.errors import ErrorCode, ProtocolError

MOST: Final[dict[OptionKind, int]] = {"time": TIMES_MOST, "place": PLACES_MOST}
VOTING, CANCELLED = MeetingStatus.VOTING, MeetingStatus.CANCELLED


def move(draft: Draft, command: MeetingCommand) -> None:  # noqa: C901 - one line for each
    """Do what *command* says."""
    match command:
        case CastVote():
            _vote(draft, command)
        case Propose():
            _propose(draft, command)
        case Withdraw():
            _withdraw(draft, command)
        case StartVoting():
            _start(draft, command)
        case Invite():
            _invite(draft, command)
        case Answer():
            _answer(draft, command)
        case Edit():
            _edit(draft, command)
        case Confirm():
            _confirm(draft, command)
        case Cancel():
            _cancel(draft, command)
        case Reopen():
            _reopen(draft, command)
        case Tick():
            pass
        case _:
            assert_never(command)


# ---- votes and options


def _vote(draft: Draft, command: CastVote) -> None:
    meeting, user = draft.meeting, draft.somebody(command.user_no)
    option = _option(draft, command.option)
    draft.expect_open()
    if user.standing != "accepted":
        _stand(draft, user.user_no, "accepted")
    key = (user.user_no, option.id)
    if meeting.votes.get(key) == command.vote:
        return
    meeting.votes[key] = command.vote
    draft.note("vote", user.user_no, option=option.id, vote=command.vote)
    if meeting.status is MeetingStatus.PROPOSING:
        draft.become(VOTING)


def _option(draft: Draft, wanted: str | tuple[OptionKind, int]) -> MeetingOption:
    """Raises ProtocolError: there was never such a one, or it was withdrawn."""
    options = draft.meeting.options
    found = options.get(wanted) if isinstance(wanted, str) else None
    for each in options.values():
        if (each.kind, each.position) == wanted:
            found = each
    if found is None:
        raise ProtocolError(ErrorCode.NOT_FOUND, "there is no such option")
    if found.withdrawn_at is not None:
        raise ProtocolError(ErrorCode.GONE, "this option was withdrawn")
    return found


def _propose(draft: Draft, command: Propose) -> None:
    meeting, user = draft.meeting, draft.somebody(command.user_no)
    new = [each for each in command.options if each.id not in meeting.options]
    draft.expect_open()
    if not meeting.is_open_to_proposals:
        draft.expect_initiator(user.user_no)
    _check_room_for(draft, new)
    for each in new:
        if each.starts_at is not None and each.starts_at <= draft.now:
            raise ProtocolError(ErrorCode.INVALID, fields={"datetime": "it is past"})
    for each in new:
        position = sum(other.kind == each.kind for other in meeting.options.values())
        meeting.options[each.id] = msgspec.structs.replace(
            each, position=position, proposed_by=user.user_no
        )
        draft.note("proposed", user.user_no, option=each.id)
    if new:
        draft.tell("proposed", meeting.people, by=user.user_no)


def _check_room_for(draft: Draft, new: list[MeetingOption]) -> None:
    meeting = draft.meeting
    for kind, most in MOST.items():
        there = sum(each.kind == kind for each in (*meeting.standing_options(), *new))
        if there > most:
            raise ProtocolError(ErrorCode.CONFLICT, f"a meeting has at most {most} of a {kind}")
    if len(meeting.options) + len(new) > EVER_PROPOSED_MOST:
        raise ProtocolError(ErrorCode.CONFLICT, "too much was proposed and withdrawn")


def _withdraw(draft: Draft, command: Withdraw) -> None:
    user = draft.somebody(command.user_no)
    option = draft.meeting.options.get(command.option)
    if option is None:
        raise ProtocolError(ErrorCode.NOT_FOUND, "there is no such option")
    if option.proposed_by != user.user_no:
        draft.expect_initiator(user.user_no)
    if option.withdrawn_at is not None:
        return
    draft.expect_open()
    gone = msgspec.structs.replace(option, withdrawn_at=draft.now)
    draft.meeting.options[option.id] = gone
    draft.note("withdrawn", user.user_no, option=option.id)


def _start(draft: Draft, command: StartVoting) -> None:
    draft.expect_initiator(command.user_no)
    draft.expect_open()
    if draft.meeting.status is MeetingStatus.PROPOSING:
        draft.become(VOTING)
        draft.note("voting", command.user_no)
    draft.meeting.is_open_to_proposals = False


# ---- people


def _invite(draft: Draft, command: Invite) -> None:
    draft.expect_initiator(command.user_no)
    draft.expect_open()
    meeting = draft.meeting
    new = [each for each in command.people if each.user_no not in meeting.present()]
    if len(meeting.present()) + len(new) > PEOPLE_MOST:
        raise ProtocolError(ErrorCode.CONFLICT, f"a meeting has at most {PEOPLE_MOST} people")
    for each in new:
        meeting.people[each.user_no] = each
        draft.note("invited", command.user_no, user=each.user_id)
    draft.tell("invited", [each.user_no for each in new], by=command.user_no)


def _answer(draft: Draft, command: Answer) -> None:
    user = draft.somebody(command.user_no)
    if user.user_no == draft.meeting.initiator and command.standing != "accepted":
        raise ProtocolError(ErrorCode.CONFLICT, "who called the meeting cancels it instead")
    if user.standing == command.standing:
        return
    if command.standing == "accepted":
        draft.expect_open()
    _stand(draft, user.user_no, command.standing)
    draft.tell(command.standing, [draft.meeting.initiator], by=user.user_no)


def _stand(draft: Draft, user_no: int, standing: str) -> None:
    people = draft.meeting.people
    people[user_no] = msgspec.structs.replace(people[user_no], standing=standing)
    draft.note(standing, user_no)


# ---- what the initiator does


def _edit(draft: Draft, command: Edit) -> None:
    draft.expect_initiator(command.user_no)
    draft.expect_open()
    meeting = draft.meeting
    if command.deadline is not None:
        if command.deadline and command.deadline <= draft.now:
            raise ProtocolError(ErrorCode.INVALID, fields={"deadline": "it is past"})
        meeting.deadline = command.deadline or None
        for number, each in meeting.people.items():
            meeting.people[number] = msgspec.structs.replace(each, reminded_at=None)
    meeting.title = command.title or meeting.title
    meeting.rule = command.rule or meeting.rule
    draft.note("edited", command.user_no)


def _confirm(draft: Draft, command: Confirm) -> None:
    draft.expect_initiator(command.user_no)
    decided, wanted = draft.meeting.decision, (command.time, command.place)
    if decided and (decided.because, decided.time, decided.place) == ("confirmed", *wanted):
        return
    draft.expect_open()
    if wanted == (None, None):
        raise ProtocolError(ErrorCode.INVALID, fields={"time": "a time, a place, or both"})
    for wish, kind in zip(wanted, ("time", "place"), strict=True):
        if wish is not None and _option(draft, wish).kind != kind:
            raise ProtocolError(ErrorCode.INVALID, fields={kind: "it is none"})
    confirmed(draft, *wanted, because="confirmed", by=command.user_no)


def _cancel(draft: Draft, command: Cancel) -> None:
    draft.expect_initiator(command.user_no)
    meeting = draft.meeting
    if meeting.status is CANCELLED:
        return
    was_confirmed = meeting.status is MeetingStatus.CONFIRMED
    draft.become(CANCELLED)
    meeting.sequence += was_confirmed
    # Calendars have to be told what of theirs is cancelled.
    meeting.decision = msgspec.structs.replace(
        meeting.decision or Decision(because="cancelled", at=draft.now),
        because="cancelled",
        at=draft.now,
        by=command.user_no,
        reason=command.reason,
    )
    draft.note("cancelled", command.user_no, reason=command.reason)
    draft.tell("cancelled", meeting.people, by=command.user_no)


def _reopen(draft: Draft, command: Reopen) -> None:
    draft.expect_initiator(command.user_no)
    meeting = draft.meeting
    if command.deadline is not None and command.deadline <= draft.now:
        raise ProtocolError(ErrorCode.INVALID, fields={"deadline": "it is past"})
    was_confirmed = meeting.status is MeetingStatus.CONFIRMED
    draft.become(VOTING)
    meeting.sequence += was_confirmed
    meeting.decision, meeting.deadline = None, command.deadline
    # What everybody had answered would decide it again at once.
    meeting.rule = msgspec.structs.replace(meeting.rule, early=False, when_all_answered=False)
    for number, each in meeting.people.items():
        meeting.people[number] = msgspec.structs.replace(each, reminded_at=None)
    draft.note("reopened", command.user_no)
    draft.tell("reopened", meeting.people, by=command.user_no)
