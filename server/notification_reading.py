"""Reading and answering notifications, wherever that is done: read in one place is read in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from actors.notices import Notices
from actors.notification_ports import NotificationQueue
from actors.notification_records import NewNotification, Platform
from actors.ports import WallClock
from actors.rules.notification_types import TYPES
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.ids import IdSource
from server.postgres.notification_inbox import Answered, NotificationInbox
from server.postgres.notification_links import NotificationLinks

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


class AnswersTold:
    """Tells those who invited somebody what he says to it."""

    def __init__(
        self, queue: NotificationQueue, people: NotificationLinks, *, new_id: IdSource
    ) -> None:
        self._queue, self._people, self._new_id = queue, people, new_id

    async def tell(
        self, user_no: int, invitation: str, answer: Answer, answered: Answered, *, at: Millis
    ) -> None:
        """Tell it once; a later answer takes the place of one that was not read yet."""
        told, sender_no = TOLD.get((answered.type, answer)), answered.sender_no
        if told is None or sender_no is None:
            return
        who, sender = await self._people.linked(user_no), await self._people.linked(sender_no)
        if who is None or sender is None:
            return
        title = told.korean if sender.language == "ko" else told.english
        new = NewNotification(
            id=self._new_id(),
            recipient_no=sender_no,
            sender_no=user_no,
            type=told.type,
            title=title.format(name=who.name[:LONGEST_NAME]),
            message="",
            data={**answered.data, "answer": answer, "invitation": invitation},
            platforms=PLATFORMS,
            routing="all",
            unread_after_ms=0,
            priority=PRIORITY,
            scheduled_at=at,
            expires_at=None,
            dedupe_key=f"answer:{invitation}:{answer}",
            collapse_key=f"answer:{invitation}",
            created_at=at,
        )
        await self._queue.enqueue([new])


class Reading:
    """What a user does with his own notifications: on the page, over HTTP, or through a bot.

    *changed* is told that there may be something to be decided, or taken back at a provider. Every
    method may raise StoreUnavailable or OutcomeUnknown; each may be called again.
    """

    def __init__(
        self,
        inbox: NotificationInbox,
        notices: Notices,
        answers: AnswersTold,
        *,
        changed: Callable[[], None],
        clock: WallClock,
    ) -> None:
        self._inbox, self._notices, self._answers = inbox, notices, answers
        self._changed, self._clock = changed, clock

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

    async def answer(
        self, user_no: int, notification: str, answer: Answer, *, once: bool = False
    ) -> None:
        """Answer an invitation, which is read by that; who sent it is told.

        Raises ProtocolError: ``not_found`` where he has no such one, ``conflict`` where it is none,
        or, where it is for *once*, was answered otherwise before.
        """
        now = self._clock.now_ms()
        answered = await self._inbox.answer(user_no, notification, answer, at=now, once=once)
        if answered is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        if not is_invitation(answered.type):
            raise ProtocolError(ErrorCode.CONFLICT, "it is no invitation")
        await self._answers.tell(user_no, notification, answer, answered, at=now)
        self._gone(user_no, [notification])

    def _gone(self, user_no: int, ids: Sequence[str]) -> None:
        if ids:
            self._notices.gone(user_no, ids)
            self._notices.told()
            self._changed()


def is_invitation(type: str) -> bool:  # noqa: A002 - the field's name
    """Whether a notification of that type can be answered."""
    rule = TYPES.get(type)
    return rule is not None and rule.is_invitation
