"""Reading and answering notifications, wherever that is done: read in one place is read in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, cast

from actors.notices import Notices
from actors.notification_records import NewNotification, Platform
from actors.ports import WallClock
from actors.rules.notification_types import TYPES
from protocol.ids import Millis
from server.ids import IdSource
from server.postgres.notification_answering import Answered
from server.postgres.notification_inbox import NotificationInbox

Answer = Literal["accept", "decline"]


class Told(NamedTuple):
    """How the sender of an invitation is told of its answer, in Korean or else in English."""

    type: str
    korean: str
    english: str


TOLD: Final[Mapping[tuple[str, Answer], Told]] = {
    ("meeting.invitation", "accept"): Told(
        "meeting.response", "{name}님이 초대를 수락했습니다", "{name} accepted the invitation"
    ),
    ("meeting.invitation", "decline"): Told(
        "meeting.response", "{name}님이 초대를 거절했습니다", "{name} declined the invitation"
    ),
    ("friend.request", "accept"): Told(
        "friend.accepted", "{name}님이 친구 요청을 수락했습니다", "{name} accepted to be friends"
    ),
}
"""Nobody is told that somebody does not want to be his friend."""
PLATFORMS: Final[tuple[Platform, ...]] = ("web", "push")
PRIORITY: Final = 2
LONGEST_NAME: Final = 200


class Said(NamedTuple):
    """What somebody says to an invitation."""

    user_no: int
    invitation: str
    answer: Answer
    at: Millis

    def telling(self, answered: Answered, *, id: str) -> NewNotification | None:  # noqa: A002
        """What its sender is told, if anything, under that *id*."""
        told, sender_no = TOLD.get((answered.type, self.answer)), answered.sender_no
        if told is None or sender_no is None:
            return None
        title = told.korean if answered.language == "ko" else told.english
        return NewNotification(
            id=id,
            recipient_no=sender_no,
            sender_no=self.user_no,
            type=told.type,
            title=title.format(name=answered.name[:LONGEST_NAME]),
            message="",
            data={**answered.data, "answer": self.answer, "invitation": self.invitation},
            platforms=PLATFORMS,
            routing="all",
            unread_after_ms=0,
            priority=PRIORITY,
            scheduled_at=self.at,
            expires_at=None,
            dedupe_key=None,
            collapse_key=None,
            created_at=self.at,
        )


class Reading:
    """What a user does with his own notifications: on the page, over HTTP, or through a bot.

    *changed* is told that there may be something to be decided, or taken back at a provider. Every
    method may raise StoreUnavailable or OutcomeUnknown; each may be called again.
    """

    def __init__(
        self,
        inbox: NotificationInbox,
        notices: Notices,
        *,
        changed: Callable[[], None],
        clock: WallClock,
        new_id: IdSource,
    ) -> None:
        self._inbox, self._notices, self._changed = inbox, notices, changed
        self._clock, self._new_id = clock, new_id

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
        new_id, read = self._new_id(), list[str]()

        def telling(answered: Answered) -> NewNotification | None:
            read.append(notification)  # this is called for the first answer alone
            return said.telling(answered, id=new_id)

        standing = await self._inbox.answer(
            user_no, notification, answer, at=said.at, telling=telling
        )
        self._gone(user_no, read)
        return cast("Answer", standing)

    def _gone(self, user_no: int, ids: Sequence[str]) -> None:
        if ids:
            self._notices.gone(user_no, ids)
            self._notices.told()
            self._changed()


def is_invitation(type: str) -> bool:  # noqa: A002 - the field's name
    """Whether a notification of that type can be answered."""
    rule = TYPES.get(type)
    return rule is not None and rule.is_invitation
