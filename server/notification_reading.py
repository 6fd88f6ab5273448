"""Reading and answering notifications, wherever that is done: read in one place is read in all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal, NamedTuple, cast

import trio

from actors.notices import Notices
from actors.notification_records import NewNotification, Platform
from actors.ports import StoreUnavailable, WallClock
from actors.rules.notification_types import TYPES
from protocol.ids import Millis, UserId
from server.ids import IdSource
from server.postgres.friend_requests import REQUEST
from server.postgres.notification_answering import Answered
from server.postgres.notification_inbox import NotificationInbox

Answer = Literal["accept", "decline"]


class Told(NamedTuple):
    """How somebody is told what another, by *name*, did: in Korean or else in English."""

    type: str
    korean: str
    english: str

    def by(
        self, told_by: Teller, *, to: int, language: str | None, data: Mapping[str, Any]
    ) -> NewNotification:
        """What the user *to* is told in his *language*."""
        title = self.korean if language == "ko" else self.english
        return NewNotification(
            id=told_by.id,
            recipient_no=to,
            sender_no=told_by.user_no,
            type=self.type,
            title=title.format(name=told_by.name[:LONGEST_NAME]),
            message="",
            data=data,
            platforms=PLATFORMS,
            routing="all",
            unread_after_ms=0,
            priority=PRIORITY,
            scheduled_at=told_by.at,
            expires_at=None,
            dedupe_key=None,
            collapse_key=None,
            created_at=told_by.at,
        )


class Teller(NamedTuple):
    """Who did it, and when; ``id``: of the notification that tells it."""

    user_no: int
    name: str
    at: Millis
    id: str


ACCEPTED: Final = Told(
    "friend.accepted", "{name}님이 친구 요청을 수락했습니다", "{name} accepted to be friends"
)
TOLD: Final[Mapping[tuple[str, Answer], Told]] = {
    ("meeting.invitation", "accept"): Told(
        "meeting.response", "{name}님이 초대를 수락했습니다", "{name} accepted the invitation"
    ),
    ("meeting.invitation", "decline"): Told(
        "meeting.response", "{name}님이 초대를 거절했습니다", "{name} declined the invitation"
    ),
    (REQUEST, "accept"): ACCEPTED,
}
"""Nobody is told that somebody does not want to be his friend."""
PLATFORMS: Final[tuple[Platform, ...]] = ("web", "push")
PRIORITY: Final = 2
LONGEST_NAME: Final = 200
PARTED_WITHIN_S: Final = 2.0


class Said(NamedTuple):
    """What somebody says to an invitation."""

    user_no: int
    invitation: str
    answer: Answer
    at: Millis

    def telling(self, answered: Answered, *, id: str) -> NewNotification | None:  # noqa: A002
        """What its sender is told, if anything, under that *id*."""
        told, sender_no = TOLD.get((answered.type, self.answer)), answered.sender_no
        if told is None or sender_no is None or _meeting_of(answered):
            return None
        data = {**answered.data, "answer": self.answer, "invitation": self.invitation}
        teller = Teller(self.user_no, answered.name, self.at, id)
        return told.by(teller, to=sender_no, language=answered.language, data=data)


Met = Callable[[int, str, Answer], Awaitable[None]]
"""Hears the number of who answered, the meeting, and the answer."""


class Reading:
    """What a user does with his own notifications: on the page, over HTTP, or through a bot.

    *changed* is told that there may be something to be decided, or taken back at a provider, and
    *befriended* who may have become friends. Every method may raise StoreUnavailable or
    OutcomeUnknown; each may be called again.
    """

    def __init__(
        self,
        inbox: NotificationInbox,
        notices: Notices,
        *,
        changed: Callable[[], None],
        befriended: Callable[[Sequence[UserId]], None],
        clock: WallClock,
        new_id: IdSource,
    ) -> None:
        self._inbox, self._notices, self._changed = inbox, notices, changed
        self._befriended, self._clock, self._new_id = befriended, clock, new_id
        self._met: Met | None = None

    def meetings_hear(self, met: Met) -> None:
        """Have *met* told how somebody answers the invitation to a meeting, which tells who called
        it.
        """
        self._met = met

    async def read(self, user_no: int, ids: Sequence[str] | None) -> Sequence[str]:
        """He has read these (None: all); which of them he had not read before."""
        read = await self._inbox.read(user_no, ids, at=self._clock.now_ms())
        self._gone(user_no, read)
        return read

    async def delete(self, user_no: int, notification: str) -> bool:
        """He does not want to see it any more; whether it was there."""
        was_there = await self._inbox.delete(user_no, notification, at=self._clock.now_ms())
        self._gone(user_no, [notification] if was_there else [])
        return was_there

    async def answer(self, user_no: int, notification: str, answer: Answer) -> Answer:
        """Answer an invitation, which is read by that; who sent it is told. The first answer
        holds: that is returned.

        Raises ProtocolError: ``not_found`` where he has no such one, ``conflict`` where it is none,
        ``gone`` where its sender took it back or is gone, it is out of date, or was forgotten.
        """
        said = Said(user_no, notification, answer, self._clock.now_ms())
        new_id, first = self._new_id(), list[Answered]()

        def telling(answered: Answered) -> NewNotification | None:
            first.append(answered)  # this is called for the first answer alone
            return said.telling(answered, id=new_id)

        try:
            standing = await self._inbox.answer(
                user_no, notification, answer, at=said.at, telling=telling
            )
        finally:
            pairs = [(each.user, each.sender) for each in first if each.type == REQUEST]
            self._befriended([user for pair in pairs for user in pair if user is not None])
        self._gone(user_no, [notification] if first else [])
        for each in first:
            if self._met is not None and (meeting := _meeting_of(each)):
                await self._met(user_no, meeting, answer)
        return cast("Answer", standing)

    @asynccontextmanager
    async def parting(self, one_no: int, other_no: int) -> AsyncIterator[None]:
        """While two are parted by a block: what they had not read of each other is shown no more,
        and neither is what came meanwhile.
        """
        found = await self._inbox.between(one_no, other_no)
        yield
        with trio.move_on_after(PARTED_WITHIN_S, shield=True), suppress(StoreUnavailable):
            found |= await self._inbox.between(one_no, other_no)
        for user_no in (one_no, other_no):
            self._gone(user_no, sorted(each for whose, each in found if whose == user_no))

    def _gone(self, user_no: int, ids: Sequence[str]) -> None:
        if ids:
            self._notices.gone(user_no, ids)
            self._notices.told()
            self._changed()


def is_invitation(type: str) -> bool:  # noqa: A002 - the field's name
    """Whether a notification of that type can be answered."""
    rule = TYPES.get(type)
    return rule is not None and rule.is_invitation


def _meeting_of(answered: Answered) -> str | None:
    """The meeting that it is the invitation to; None for those that people write themselves."""
    data = answered.data
    is_its_own = answered.type == "meeting.invitation" and data.get("news") == "invited"
    return str(data["meeting"]) if is_its_own and "meeting" in data else None
