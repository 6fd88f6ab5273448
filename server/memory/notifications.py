"""Notifications in memory, with the promises of the real store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from protocol.ids import Millis
from protocol.limits import SEEN_MOST
from protocol.notices import Notification

SeenKey = tuple[int, tuple[str, ...]]
OnRead = Callable[[int, Sequence[str], Millis], Collection[str]]


def _nothing(_user_no: int, _ids: Sequence[str], _at: Millis) -> Collection[str]:
    return ()


class MemoryNotifications:
    """The port Notifications.

    ``on_read`` is told what is read, and says which of it was unread: a queue (see
    ``server.memory.notification_queue``) sets it.
    """

    def __init__(self) -> None:
        self._unseen: dict[int, dict[str, Notification]] = {}
        self.on_read: OnRead = _nothing

    def add(self, user_no: int, notification: Notification) -> None:
        """Keep one for a user."""
        self._unseen.setdefault(user_no, {})[notification.id] = notification

    def remove(self, user_no: int, id: str) -> bool:  # noqa: A002 - the field's name
        """Have it no more; whether it was there, and unread."""
        return self._unseen.get(user_no, {}).pop(id, None) is not None

    async def unseen(self, user_nos: Sequence[int]) -> Mapping[int, Sequence[Notification]]:
        """The newest that each has not seen, the oldest first."""
        return {
            user_no: list(self._unseen[user_no].values())[-SEEN_MOST:]
            for user_no in user_nos
            if user_no in self._unseen
        }

    async def seen(
        self, keys: Sequence[SeenKey], *, at: Millis
    ) -> Mapping[SeenKey, tuple[str, ...]]:
        """Forget these; which were there."""
        unread: dict[int, set[str]] = {}
        for user_no, ids in keys:
            mine = {*self.on_read(user_no, ids, at), *(self._unseen.get(user_no, {}).keys() & ids)}
            unread.setdefault(user_no, set()).update(mine)
            for each in ids:
                self.remove(user_no, each)
        return {
            (user_no, ids): tuple(each for each in ids if each in unread[user_no])
            for user_no, ids in keys
        }
