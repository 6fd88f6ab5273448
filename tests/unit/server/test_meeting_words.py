"""How people are told of their meetings: in their language, by their clock."""

from __future__ import annotations

from typing import Any, cast, get_args

import pytest

from actors.meeting_draft import News, NewsKind
from actors.meeting_records import Decision, Meeting, MeetingOption, Participant
from actors.rules.meeting_states import MeetingStatus
from actors.rules.notification_types import TYPES
from actors.rules.tally import Rule
from protocol.ids import Millis, RoomId, UserId
from server.meeting_words import REPLACES, WORDS, MeetingWords

NOW = Millis(1_800_000_000_000)  # 15 January 2027, 17:00 in Seoul
STARTS = Millis(NOW + 3_600_000)


class Clock:
    def now_ms(self) -> Millis:
        return NOW


def person(number: int, language: str = "ko", zone: str = "Asia/Seoul") -> Participant:
    return Participant(
        user_no=number,
        user_id=UserId(f"u{number}"),
        name=f"사람{number}",
        language=language,
        zone=zone,
        standing="accepted",
    )


def meeting(**more: Any) -> Meeting:
    values: dict[str, Any] = {
        "meeting_no": 1,
        "id": "m1",
        "room": RoomId("r"),
        "title": "저녁",
        "initiator": 1,
        "status": MeetingStatus.CONFIRMED,
        "rule": Rule(),
        "zone": "Asia/Seoul",
        "duration_ms": 3_600_000,
        "deadline": STARTS,
        "is_open_to_proposals": True,
        "rev": 1,
        "sequence": 1,
        "decision": Decision(
            because="settled", at=NOW, time="t", place="p", starts_at=STARTS, ends_at=STARTS
        ),
        "people": {1: person(1), 2: person(2, "en", "America/New_York")},
        "options": {"p": MeetingOption(id="p", kind="place", position=0, name="뜰", proposed_by=1)},
        "votes": {},
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Meeting(**(values | more))


WORDED = MeetingWords(clock=Clock(), new_id=lambda: "n1").worded


@pytest.mark.parametrize("kind", get_args(NewsKind))
def test_the_texts_of_all_news_are_there(kind: str) -> None:
    about = meeting()
    for number in (1, 2):
        told = WORDED(News(cast("NewsKind", kind), about.people[number], by=1), about)
        assert told.type in TYPES and "저녁" in told.title and "{" not in told.title
        assert ("사람1" in told.title) == ("{name}" in WORDS[cast("NewsKind", kind)].korean)
        assert told.data == {"meeting": "m1", "room": "r", "news": kind}


def test_when_it_is_stands_there_by_the_clock_of_who_is_told() -> None:
    about = meeting()
    korean, english = (WORDED(News("confirmed", about.people[number]), about) for number in (1, 2))
    assert korean.message == "1월 15일(금) 18:00 (Asia/Seoul), 뜰"
    assert english.message == "Fri, 15 Jan 2027, 04:00 (America/New_York), 뜰"


def test_a_reminder_waits_and_is_replaced_by_what_makes_it_untrue() -> None:
    about, at = meeting(), Millis(STARTS - 1_000)
    reminder = WORDED(News("starts_soon", about.people[2], at=at), about)
    assert (reminder.scheduled_at, reminder.expires_at) == (at, STARTS)
    gone = WORDED(News("cancelled", about.people[2], by=1), about)
    again = WORDED(News("reopened", about.people[2], by=1), about)
    same = [(each.sender_no, each.collapse_key) for each in (reminder, gone, again)]
    assert len(set(same)) == 1 and None not in same[0]
    assert {"starts_soon", "cancelled", "reopened"} == REPLACES


def test_who_is_asked_to_vote_is_not_asked_after_the_deadline() -> None:
    about = meeting(decision=None, status=MeetingStatus.VOTING)
    told = WORDED(News("vote_wanted", about.people[2]), about)
    assert (told.expires_at, told.message) == (STARTS, "")


def test_why_it_is_cancelled_is_said() -> None:
    cancelled = Decision(because="cancelled", at=NOW, reason="비가 온다", starts_at=STARTS)
    about = meeting(decision=cancelled, status=MeetingStatus.CANCELLED)
    assert WORDED(News("cancelled", about.people[2], by=1), about).message == "비가 온다"
