"""Meetings as HTTP shows them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from actors.meeting_frames import frame_of
from actors.meeting_records import Decision, Meeting
from protocol.ids import Millis
from protocol.meetings import (
    MeetingCandidate,
    MeetingDecision,
    MeetingOptionShown,
    MeetingRule,
)
from server.http.meeting_schemas import (
    CandidateShown,
    ClashShown,
    DecisionShown,
    EntryShown,
    MeetingListed,
    MeetingShown,
    OptionShown,
    PersonShown,
    RuleShown,
)
from server.http.notification_schemas import utc
from server.postgres.meeting_rows import ListedEntry, ListedMeeting

MINUTE_MS = 60_000


def meeting_shown(meeting: Meeting, user_no: int, *, now: Millis) -> MeetingShown:
    """All of it, for one of its people."""
    frame = frame_of(meeting, now=now)
    return MeetingShown(
        id=frame.id,
        rev=frame.rev,
        title=frame.title,
        status=frame.status,
        initiator=frame.initiator,
        room=frame.room,
        time_zone=frame.zone,
        duration_minutes=frame.duration_ms / MINUTE_MS,
        open_to_proposals=frame.open_to_proposals,
        participants=[
            PersonShown(id=each.user, name=each.name, standing=each.standing)
            for each in frame.people
        ],
        proposed_times=_options(frame.times),
        proposed_locations=_options(frame.places),
        rule=_rule(frame.rule),
        standing=[_candidate(each) for each in frame.standing],
        conflicts=_clashes(meeting, user_no),
        created_at=utc(frame.created_at),
        updated_at=utc(frame.updated_at),
        deadline=UNSET if frame.deadline is UNSET else utc(frame.deadline),
        decision=UNSET if frame.decision is UNSET else _decision(frame.decision),
    )


def listed(meeting: ListedMeeting) -> MeetingListed:
    """One of a list."""
    return MeetingListed(
        id=meeting.id,
        room=meeting.room,
        title=meeting.title,
        status=meeting.status.value,
        initiator=meeting.initiator,
        standing=meeting.standing,
        participants=meeting.present,
        unanswered=meeting.unanswered,
        rev=meeting.rev,
        created_at=utc(meeting.created_at),
        updated_at=utc(meeting.updated_at),
        deadline=UNSET if meeting.deadline is None else utc(meeting.deadline),
        decision=_briefly(meeting.decision),
    )


def entry(found: ListedEntry, people: Mapping[int, str]) -> EntryShown:
    """One thing that happened; *people*: their ids by number."""
    by = found.entry.by
    return EntryShown(
        number=found.number,
        kind=found.entry.kind,
        at=utc(found.entry.at),
        by=UNSET if by is None else people[by],
        data=dict(found.entry.body),
    )


def _options(options: list[MeetingOptionShown]) -> list[OptionShown]:
    return [
        OptionShown(
            id=each.id,
            index=index,
            proposed_by=each.by,
            votes=each.votes,
            datetime=UNSET if each.at is UNSET else utc(each.at),
            time_zone=each.zone,
            name=each.name,
            address=each.address,
            coordinates=each.coordinates,
            description=each.description,
            withdrawn=each.withdrawn is True,
        )
        for index, each in enumerate(options)
    ]


def _rule(rule: MeetingRule) -> RuleShown:
    return RuleShown(
        kind=rule.kind,
        tie=rule.tie,
        early=rule.early,
        when_all_answered=rule.when_all_answered,
        quorum=rule.quorum,
        required=[] if rule.required is UNSET else rule.required,
    )


def _candidate(each: MeetingCandidate) -> CandidateShown:
    return CandidateShown(
        yes=each.yes,
        maybe=each.maybe,
        no=each.no,
        unanswered=each.unanswered,
        score=each.score,
        time=each.time,
        location=each.place,
        fault=each.fault,
    )


def _decision(decision: MeetingDecision) -> DecisionShown:
    starts, ends = decision.starts_at, decision.ends_at
    return DecisionShown(
        because=decision.because,
        at=utc(decision.at),
        by=decision.by,
        time=decision.time,
        location=decision.place,
        starts_at=UNSET if starts is UNSET else utc(starts),
        ends_at=UNSET if ends is UNSET else utc(ends),
        reason=decision.reason,
        considered=[_candidate(each) for each in decision.considered],
        tied=decision.tied,
    )


def _briefly(decision: Decision | None) -> DecisionShown | UnsetType:
    if decision is None:
        return UNSET
    starts, ends = decision.starts_at, decision.ends_at
    return DecisionShown(
        because=decision.because,
        at=utc(decision.at),
        time=decision.time or UNSET,
        location=decision.place or UNSET,
        starts_at=UNSET if starts is None else utc(starts),
        ends_at=UNSET if ends is None else utc(ends),
        reason=decision.reason or UNSET,
    )


def _clashes(meeting: Meeting, user_no: int) -> list[ClashShown]:
    return [
        ClashShown(
            option=each.option,
            title=each.title,
            starts_at=utc(each.starts_at),
            ends_at=utc(each.ends_at),
        )
        for each in meeting.clashes
        if each.user_no == user_no
    ]
