"""Notifications in memory, with the promises of the real store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from protocol.ids import Millis
from protocol.limits import SEEN_MOST
from protocol.notices import Notification


class MemoryNotifications:
    """The port Notifications."""

    def __init__(self) -> None:
        self._unseen: dict[int, dict[str, Notification]] = {}

    def add(self, user_no: int, notification: Notification) -> None:
        """Keep one for a user."""
        self._unseen.setdefault(user_no, {})[notification.id] = notification

    async def unseen(self, user_nos: Sequence[int]) -> Mapping[int, Sequence[Notification]]:
        """The newest that each has not seen, the oldest first."""
        return {
            user_no: list(self._unseen[user_no].values())[-SEEN_MOST:]
            for user_no in user_nos
            if user_no in self._unseen
        }

    async def seen(self, keys: Sequence[tuple[int, tuple[str, ...]]], *, at: Millis) -> None:
        """Forget these."""
        for user_no, ids in keys:
            for each in ids:
                self._unseen.get(user_no, {}).pop(each, None)
