"""From what a client says of a meeting to what is kept of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from actors.meeting_closing import settle
from actors.meeting_draft import Draft
from actors.meeting_records import Meeting, MeetingOption, Participant
from actors.requests import Caller
from actors.rules.local_time import is_zone
from actors.rules.meeting_states import MeetingStatus
from actors.rules.tally import Rule
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, RoomId
from server.http.bodies import invalid
from server.http.meeting_schemas import (
    AskedRule,
    NewMeeting,
    ProposedPlace,
    ProposedTime,
)
from server.http.names import UNSEEMLY, normal
from server.http.notification_recipients import Recipient, Recipients
from server.http.notification_schemas import AHEAD_MOST_MS, millis
from server.ids import IdSource
from server.postgres.people_rows import Person

MINUTE_MS = 60_000
INVITATION = "meeting.invitation"


def new_meeting(  # noqa: PLR0913 - what is said, who says it, and who the others are
    said: NewMeeting,
    caller: Person,
    others: Sequence[Person],
    *,
    id: str,  # noqa: A002 - the field's name
    room: RoomId,
    now: Millis,
    new_id: IdSource,
) -> Draft:
    """The meeting, and whom that concerns. Raises ProtocolError."""
    zone = zone_of(said.time_zone) or caller.time_zone
    people = [participant(caller, "accepted"), *(participant(each, "invited") for each in others)]
    options = options_of(
        said.proposed_times, said.proposed_locations, zone=zone, now=now, new_id=new_id
    )
    if not options and not said.open_to_proposals:
        raise invalid("proposedTimes", "there is nothing to vote for, and nobody may propose")
    kept = placed(options, caller.user_no)
    meeting = Meeting(
        meeting_no=0,
        id=id,
        room=room,
        title=title_of(said.title),
        initiator=caller.user_no,
        status=MeetingStatus.PROPOSING,
        rule=rule_of(said.rule, people),
        zone=zone,
        duration_ms=said.duration_minutes * MINUTE_MS,
        deadline=None if said.deadline is None else ahead(millis(said.deadline), "deadline", now),
        is_open_to_proposals=said.open_to_proposals,
        rev=0,
        sequence=0,
        decision=None,
        people={each.user_no: each for each in people},
        options={each.id: each for each in kept},
        votes={},
        created_at=now,
        updated_at=now,
    )
    draft = Draft(meeting, now)
    draft.note("called", caller.user_no)
    draft.tell("invited", meeting.people, by=caller.user_no)
    settle(draft)
    return draft


async def invited(recipients: Recipients, caller: Caller, names: Sequence[str]) -> list[Person]:
    """Those people, each once, but for the caller. Raises ProtocolError where somebody is not
    there for him, or is nobody whom he may invite.
    """
    asked = [normal(name) for name in names]
    found = await recipients.named(caller, asked)
    people: dict[int, Person] = {}
    for name in asked:
        person = _invited(found.get(name), name)
        people[person.user_no] = person
    people.pop(caller.user_no, None)
    return list(people.values())


def _invited(found: Recipient | None, name: str) -> Person:
    """For this admins are people like others."""
    if found is None or found.person.status != "active" or found.takes_right(INVITATION):
        raise invalid("participantIds", f"cannot be invited: {name}")
    return found.person


def participant(person: Person, standing: str) -> Participant:
    """Somebody as he is of a meeting."""
    return Participant(
        user_no=person.user_no,
        user_id=person.user_id,
        name=person.shown_name,
        language="ko" if person.language.startswith("ko") else "en",
        zone=person.time_zone,
        standing=standing,  # type: ignore[arg-type] # of those that there are
    )


def options_of(
    times: Sequence[ProposedTime],
    places: Sequence[ProposedPlace],
    *,
    zone: str,
    now: Millis,
    new_id: IdSource,
) -> list[MeetingOption]:
    """What is proposed, in its order. Raises ProtocolError."""
    return [
        *(_time(each, zone, now, new_id()) for each in times),
        *(_place(each, new_id()) for each in places),
    ]


def _time(said: ProposedTime, zone: str, now: Millis, id: str) -> MeetingOption:  # noqa: A002
    return MeetingOption(
        id=id,
        kind="time",
        position=0,
        description=line_of(said.description, "description"),
        starts_at=ahead(millis(said.datetime), "datetime", now),
        zone=zone_of(said.time_zone) or zone,
        proposed_by=0,
    )


def _place(said: ProposedPlace, id: str) -> MeetingOption:  # noqa: A002
    name = line_of(said.name, "name").strip()
    if not name:
        raise invalid("name", "must not be empty")
    where = said.coordinates
    return MeetingOption(
        id=id,
        kind="place",
        position=0,
        description=line_of(said.description, "description"),
        name=name,
        address=line_of(said.address, "address"),
        latitude=None if where is None else where.lat,
        longitude=None if where is None else where.lng,
        proposed_by=0,
    )


def placed(options: Iterable[MeetingOption], user_no: int) -> list[MeetingOption]:
    """The first options of a meeting, in their order."""
    counted = Counter[str]()
    found = []
    for each in options:
        position = counted[each.kind]
        found.append(structs.replace(each, position=position, proposed_by=user_no))
        counted[each.kind] += 1
    return found


def rule_of(said: AskedRule, people: Iterable[Participant]) -> Rule:
    """Raises ProtocolError: it cannot be fulfilled as it is said."""
    numbers: Mapping[str, int] = {each.user_id: each.user_no for each in people}
    if (said.quorum is not None) != (said.kind == "quorum"):
        raise invalid("quorum", "belongs to the kind quorum, and to no other")
    if said.quorum is not None and said.quorum > len(numbers):
        raise invalid("quorum", "more than there are people")
    strangers = [name for name in said.required if name not in numbers]
    if strangers:
        raise invalid("required", f"takes no part: {strangers[0]}")
    return Rule(
        kind=said.kind,
        quorum=said.quorum or 0,
        required=frozenset(numbers[name] for name in said.required),
        tie=said.tie,
        early=said.early,
        when_all_answered=said.when_all_answered,
    )


def title_of(text: str) -> str:
    """A title to keep. Raises ProtocolError."""
    title = line_of(text, "title").strip()
    if not title:
        raise invalid("title", "must not be empty")
    return title


def line_of(text: str, field: str) -> str:
    """*text* to be shown on one line. Raises ProtocolError."""
    line = normal(text)
    if UNSEEMLY.search(line):
        raise invalid(field, "must be on one line")
    return line


def zone_of(name: str | None) -> str | None:
    """Raises ProtocolError where there is no such zone."""
    if name is not None and not is_zone(name):
        raise invalid("timeZone", "is no zone such as Asia/Seoul")
    return name


def ahead(at: Millis, field: str, now: Millis) -> Millis:
    """A time to come, not too far. Raises ProtocolError."""
    if at <= now:
        raise ProtocolError(ErrorCode.INVALID, fields={field: "it is past"})
    if at > now + AHEAD_MOST_MS:
        raise ProtocolError(ErrorCode.INVALID, fields={field: "more than a year ahead"})
    return at
