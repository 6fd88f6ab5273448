"""What meetings need from outside: where they are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from actors.meeting_records import HistoryEntry, Meeting
from actors.notification_records import NewNotification
from protocol.ids import Millis


class Changed(NamedTuple):
    """What became of a meeting, what people are to be told of it, and what its history says."""

    meeting: Meeting
    notifications: Sequence[NewNotification] = ()
    history: Sequence[HistoryEntry] = ()


Decide = Callable[[Meeting], Changed]
"""Looks at a meeting and says what it becomes; must not change the one it was given."""


class MeetingStore(Protocol):
    """The meetings. Every method may raise StoreUnavailable or OutcomeUnknown."""

    async def change(self, id: str, decide: Decide) -> Meeting | None:  # noqa: A002 - the field's name
        """Have *decide* look at a meeting and keep what it says, in one commit; what is kept then,
        None: there is no such meeting. Nobody else changes it meanwhile, on any node.

        What differs is written, with ``rev`` one higher; where nothing does, nothing is. Times that
        are decided become times that its people have not, until it is opened again or cancelled.
        An exception of *decide* is raised, and nothing is kept.
        """

    async def due(self, *, now: Millis, most: int) -> Sequence[str]:
        """Ids of meetings whose ``wake_at`` has come, the oldest first."""

    async def next_due(self) -> Millis | None:
        """The least ``wake_at`` of all."""
