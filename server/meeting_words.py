"""How people are told of their meetings, in Korean or else in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from actors.meeting_draft import News, NewsKind
from actors.meeting_records import Meeting, MeetingOption, Participant
from actors.notification_records import NewNotification, Platform
from actors.ports import WallClock
from actors.rules.local_time import local_time
from protocol.ids import Millis
from server.ids import IdSource

PLATFORMS: Final[tuple[Platform, ...]] = ("web", "push", "kakao", "discord")
WEEKDAYS: Final = "월화수목금토일"


class Words(NamedTuple):
    """``{title}`` is the meeting's, ``{name}`` who did it, ``{when}`` what was decided."""

    type: str
    korean: str
    english: str
    priority: int = 2


WORDS: Final[Mapping[NewsKind, Words]] = {
    "invited": Words(
        "meeting.invitation",
        "{name}님이 '{title}' 약속에 초대했습니다",
        "{name} invites you to agree on '{title}'",
    ),
    "accepted": Words(
        "meeting.response",
        "{name}님이 '{title}' 약속에 참여합니다",
        "{name} takes part in '{title}'",
    ),
    "declined": Words(
        "meeting.response",
        "{name}님이 '{title}' 약속을 거절했습니다",
        "{name} declined '{title}'",
    ),
    "left": Words(
        "meeting.response",
        "{name}님이 '{title}' 약속에서 나갔습니다",
        "{name} left '{title}'",
    ),
    "undecided": Words(
        "meeting.response",
        "'{title}': 모두 답했지만 정할 수 있는 것이 없습니다",
        "'{title}': everybody has answered, and nothing can be chosen",
        priority=3,
    ),
    "confirmed": Words(
        "meeting.confirmed", "'{title}' 약속이 정해졌습니다", "'{title}' is decided", priority=3
    ),
    "cancelled": Words(
        "meeting.cancelled",
        "'{title}' 약속이 취소되었습니다",
        "'{title}' is cancelled",
        priority=3,
    ),
    "reopened": Words(
        "meeting.response",
        "'{title}' 약속을 다시 정합니다",
        "'{title}' is open for votes again",
        priority=3,
    ),
    "proposed": Words(
        "meeting.response",
        "{name}님이 '{title}' 약속에 새로 제안했습니다",
        "{name} proposes something new for '{title}'",
    ),
    "vote_wanted": Words(
        "meeting.response",
        "'{title}' 약속에 아직 투표하지 않으셨습니다",
        "You have not voted on '{title}' yet",
        priority=3,
    ),
    "starts_soon": Words(
        "calendar.reminder",
        "'{title}' 약속이 곧 시작합니다",
        "'{title}' begins soon",
        priority=3,
    ),
    "clashes": Words(
        "calendar.conflict",
        "'{title}' 약속이 다른 일정과 겹칩니다",
        "'{title}' clashes with something in your calendar",
        priority=3,
    ),
}
REPLACES: Final = frozenset[NewsKind]({"starts_soon", "cancelled", "reopened"})
"""The next of these takes the place of the one before that waits still: who hears that a meeting is
cancelled is not reminded of it. They all come from who called it, or they would not.
"""
ONCE: Final = frozenset[NewsKind]({"undecided"})


class MeetingWords:
    """Makes the notifications of what is news."""

    def __init__(self, *, clock: WallClock, new_id: IdSource) -> None:
        self._clock, self._new_id = clock, new_id

    def worded(self, news: News, meeting: Meeting) -> NewNotification:
        """What that person is told."""
        words, now = WORDS[news.kind], self._clock.now_ms()
        by = meeting.people.get(news.by or 0)
        text = words.korean if news.to.language == "ko" else words.english
        subject = f"meeting:{meeting.id}"
        return NewNotification(
            id=self._new_id(),
            recipient_no=news.to.user_no,
            sender_no=meeting.initiator if news.kind in REPLACES else news.by,
            type=words.type,
            title=text.format(title=meeting.title, name=by.name if by else ""),
            message=_decided(meeting, news.to),
            data=_data(news, meeting),
            platforms=PLATFORMS,
            routing="all",
            unread_after_ms=0,
            priority=words.priority,
            scheduled_at=now if news.at is None else news.at,
            expires_at=_expires(news, meeting),
            dedupe_key=f"{subject}:{news.kind}" if news.kind in ONCE else None,
            collapse_key=subject if news.kind in REPLACES else None,
            created_at=now,
        )


def _data(news: News, meeting: Meeting) -> dict[str, Any]:
    return {"meeting": meeting.id, "room": meeting.room, "news": news.kind}


def _expires(news: News, meeting: Meeting) -> Millis | None:
    """What is of use only until then."""
    if news.kind == "vote_wanted":
        return meeting.deadline
    return meeting.decision.starts_at if news.kind == "starts_soon" and meeting.decision else None


def _decided(meeting: Meeting, to: Participant) -> str:
    """When and where, by the clock where he is; nothing as long as that is not decided."""
    decision = meeting.decision
    if decision is None or decision.because in {"cancelled", "no_option"}:
        return decision.reason if decision else ""
    place = meeting.options.get(decision.place or "")
    at = decision.starts_at
    parts = ["" if at is None else _when(at, to), _where(place)]
    return ", ".join(part for part in parts if part)


def _when(at: Millis, to: Participant) -> str:
    then = local_time(to.zone, at)
    if to.language == "ko":
        day = WEEKDAYS[then.weekday()]
        return f"{then.month}월 {then.day}일({day}) {then:%H:%M} ({to.zone})"
    return f"{then:%a, %d %b %Y, %H:%M} ({to.zone})"


def _where(place: MeetingOption | None) -> str:
    return "" if place is None else place.name or place.address
