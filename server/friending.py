"""Making friends: kept first, then told to those whom it concerns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from actors.notices import Notices
from actors.notification_records import NewNotification
from actors.ports import WallClock
from actors.requests import Caller
from protocol.ids import UserId
from server.ids import IdSource
from server.notification_reading import ACCEPTED, Answer, Teller, Told
from server.postgres.friend_requests import REQUEST, Request
from server.postgres.friends import FriendStore, Gone
from server.postgres.people_rows import Person

ASKED: Final = Told(REQUEST, "{name}님이 친구 요청을 보냈습니다", "{name} asks to be friends")


class Friending:
    """What somebody does about friends of his. Every method may raise StoreUnavailable,
    OutcomeUnknown, and ProtocolError as the store does.

    *changed* is told that there may be something to be decided, or taken back at a provider, and
    *befriended* whose friends may be others now, also where the outcome is not known.
    """

    def __init__(
        self,
        store: FriendStore,
        notices: Notices,
        *,
        changed: Callable[[], None],
        befriended: Callable[[Sequence[UserId]], None],
        clock: WallClock,
        new_id: IdSource,
    ) -> None:
        self.store, self._notices = store, notices
        self._changed, self._befriended = changed, befriended
        self._clock, self._new_id = clock, new_id

    async def request(self, caller: Caller, other: Person) -> None:
        """Ask *other* to be a friend; who was asked by him agrees."""
        teller = self._teller(caller)
        asking = ASKED.by(teller, to=other.user_no, language=other.language, data={})
        work = self.store.request(
            caller.user_no,
            other.user_no,
            at=teller.at,
            asking=asking,
            telling=self._telling(teller, other),
        )
        await self._done(caller, other, work)

    async def answer(self, caller: Caller, asker: Person, answer: Answer) -> None:
        """Agree, or not, where *asker* has asked."""
        teller, pair = self._teller(caller), (caller.user_no, asker.user_no)
        if answer == "accept":
            telling = self._telling(teller, asker)
            await self._done(caller, asker, self.store.accept(*pair, at=teller.at, telling=telling))
        else:
            await self._done(caller, asker, self.store.decline(*pair, at=teller.at))

    async def take_back(self, caller: Caller, other: Person) -> None:
        """Ask *other* no longer."""
        at = self._clock.now_ms()
        await self._done(caller, other, self.store.take_back(caller.user_no, other.user_no, at=at))

    async def remove(self, caller: Caller, other: Person) -> None:
        """Be friends with *other* no longer, who is not told."""
        at = self._clock.now_ms()
        await self._done(caller, other, self.store.remove(caller.user_no, other.user_no, at=at))

    async def _done(self, caller: Caller, other: Person, work: Awaitable[Sequence[Gone]]) -> None:
        try:
            gone = await work
        finally:
            self._befriended([caller.user_id, other.user_id])
        for each in gone:
            self._notices.gone(each.recipient_no, [each.id])
        self._notices.told()
        self._changed()

    def _teller(self, caller: Caller) -> Teller:
        return Teller(caller.user_no, caller.name, self._clock.now_ms(), self._new_id())

    @staticmethod
    def _telling(teller: Teller, asker: Person) -> Callable[[Request | None], NewNotification]:
        def telling(asked: Request | None) -> NewNotification:
            data: dict[str, Any] = {"answer": "accept"}
            if asked is not None:
                data = {**asked.data, **data, "invitation": asked.id}
            return ACCEPTED.by(teller, to=asker.user_no, language=asker.language, data=data)

        return telling
