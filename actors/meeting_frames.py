"""Meetings as their people are shown them: by ids of users, the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import UNSET, UnsetType

from actors.meeting_closing import considered
from actors.meeting_draft import Draft
from actors.meeting_records import Considered, Decision, Meeting, MeetingOption, OptionKind
from actors.rules.tally import Rule
from protocol.ids import Millis
from protocol.meetings import (
    MeetingCandidate,
    MeetingDecision,
    MeetingOptionShown,
    MeetingPerson,
    MeetingRule,
    MeetingState,
    VoteWord,
)

T = TypeVar("T")


def frame_of(meeting: Meeting, *, now: Millis) -> MeetingState:
    """All of it, and how it stands *now*."""
    standing = considered(Draft(meeting, now).question().result, None, None)
    return MeetingState(
        id=meeting.id,
        rev=meeting.rev,
        title=meeting.title,
        status=meeting.status.value,
        initiator=_user(meeting, meeting.initiator),
        room=meeting.room,
        zone=meeting.zone,
        duration_ms=meeting.duration_ms,
        open_to_proposals=meeting.is_open_to_proposals,
        people=[
            MeetingPerson(user=each.user_id, name=each.name, standing=each.standing)
            for each in meeting.people.values()
        ],
        times=_options(meeting, "time"),
        places=_options(meeting, "place"),
        rule=_rule(meeting, meeting.rule),
        standing=_candidates(standing),
        created_at=meeting.created_at,
        updated_at=meeting.updated_at,
        deadline=_there(meeting.deadline),
        decision=_decision(meeting, meeting.decision) if meeting.decision else UNSET,
    )


def _user(meeting: Meeting, user_no: int) -> str:
    return meeting.people[user_no].user_id


def _there(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value


def _options(meeting: Meeting, kind: OptionKind) -> list[MeetingOptionShown]:
    mine = (each for each in meeting.options.values() if each.kind == kind)
    return [_option(meeting, each) for each in sorted(mine, key=lambda each: each.position)]


def _option(meeting: Meeting, option: MeetingOption) -> MeetingOptionShown:
    where = option.latitude, option.longitude
    votes: dict[str, VoteWord] = {
        each.user_id: meeting.votes[number, option.id]
        for number, each in meeting.people.items()
        if (number, option.id) in meeting.votes
    }
    return MeetingOptionShown(
        id=option.id,
        by=_user(meeting, option.proposed_by),
        votes=votes,
        at=_there(option.starts_at),
        zone=_there(option.zone),
        name=option.name or UNSET,
        address=option.address or UNSET,
        coordinates=UNSET if None in where else dict(zip(("lat", "lng"), where, strict=True)),  # type: ignore[arg-type]
        description=option.description or UNSET,
        withdrawn=True if option.withdrawn_at is not None else UNSET,
    )


def _rule(meeting: Meeting, rule: Rule) -> MeetingRule:
    required = sorted(_user(meeting, each) for each in rule.required)
    return MeetingRule(
        kind=rule.kind,
        tie=rule.tie,
        early=rule.early,
        when_all_answered=rule.when_all_answered,
        quorum=rule.quorum or UNSET,
        required=required or UNSET,
    )


def _candidates(found: Sequence[Considered]) -> list[MeetingCandidate]:
    return [
        MeetingCandidate(
            yes=each.yes,
            maybe=each.maybe,
            no=each.no,
            unanswered=each.unanswered,
            score=each.score,
            time=_there(each.time),
            place=_there(each.place),
            fault=_there(each.fault),
        )
        for each in found
    ]


def _decision(meeting: Meeting, decision: Decision) -> MeetingDecision:
    return MeetingDecision(
        because=decision.because,
        at=decision.at,
        considered=_candidates(decision.considered),
        tied=decision.tied,
        by=UNSET if decision.by is None else _user(meeting, decision.by),
        time=_there(decision.time),
        place=_there(decision.place),
        starts_at=_there(decision.starts_at),
        ends_at=_there(decision.ends_at),
        reason=decision.reason or UNSET,
    )
