"""Meetings in memory, with the promises of the real store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import trio

from actors.meeting_keeping import Busy, busy_of, differs
from actors.meeting_ports import Changed, Decide, MeetingStore
from actors.meeting_records import Clash, HistoryEntry, Meeting
from actors.notification_records import NewNotification
from actors.ports import AdapterError
from protocol.ids import Millis


class BusyTime(NamedTuple):
    """When somebody has no time; ``meeting``: the number of the one that is the reason."""

    user_no: int
    busy: Busy
    meeting: int | None = None


class MemoryMeetings(MeetingStore):
    """The port MeetingStore, for any number of nodes. Who has no time is in ``busy``, by hand but
    for what meetings take.

    ``fail_next`` are raised by the next changes instead of keeping them, ``lose_next`` after it.
    """

    def __init__(self) -> None:
        self.busy: list[BusyTime] = []
        self.notifications: list[NewNotification] = []
        self.fail_next: list[AdapterError] = []
        self.lose_next: list[AdapterError] = []
        self._meetings: dict[str, Meeting] = {}
        self._history: dict[str, list[HistoryEntry]] = {}
        self._lock = trio.Lock()

    async def create(self, new: Changed) -> Meeting:
        """Keep a new meeting; where there is one of that id, all is as it was."""
        async with self._lock:
            if new.meeting.id not in self._meetings:
                number = len(self._meetings) + 1
                self._keep(msgspec.structs.replace(new.meeting, meeting_no=number), new)
            return self._whole(new.meeting.id)

    async def change(self, id: str, decide: Decide) -> Meeting | None:  # noqa: A002
        """Have *decide* look at a meeting and keep what it says; what is kept then."""
        async with self._lock:
            if id not in self._meetings:
                return None
            before = self._whole(id)
            changed = decide(before.copy())
            await trio.lowlevel.checkpoint()  # as where there is a database to be asked
            if self.fail_next:
                raise self.fail_next.pop(0)
            rev = before.rev + differs(before, changed.meeting)
            kept = changed.meeting if rev > before.rev else before
            self._keep(msgspec.structs.replace(kept, rev=rev), changed)
            if self.lose_next:
                raise self.lose_next.pop(0)
            return self._whole(id)

    async def due(self, *, now: Millis, most: int) -> Sequence[str]:
        """Ids of meetings whose ``wake_at`` has come, the oldest first."""
        await trio.lowlevel.checkpoint()
        found = [(at, number, each) for at, number, each in self._wakes() if at <= now]
        return [each for _, _, each in sorted(found)[:most]]

    async def next_due(self) -> Millis | None:
        """The least ``wake_at`` of all."""
        await trio.lowlevel.checkpoint()
        return min((at for at, _, _ in self._wakes()), default=None)

    def history(self, id: str) -> Sequence[HistoryEntry]:  # noqa: A002 - the field's name
        """What happened, in order."""
        return list(self._history.get(id, ()))

    def _keep(self, meeting: Meeting, changed: Changed) -> None:
        number = meeting.meeting_no
        self._meetings[meeting.id] = meeting.copy()
        self._history.setdefault(meeting.id, []).extend(changed.history)
        self.notifications += changed.notifications
        self.busy = [each for each in self.busy if each.meeting != number]
        self.busy += [BusyTime(key, each, number) for key, each in busy_of(meeting).items()]

    def _whole(self, id: str) -> Meeting:  # noqa: A002
        meeting = self._meetings[id].copy()
        meeting.clashes = list(self._clashes(meeting))
        return meeting

    def _wakes(self) -> Iterable[tuple[Millis, int, str]]:
        for each in self._meetings.values():
            if each.wake_at is not None:
                yield each.wake_at, each.meeting_no, each.id

    def _clashes(self, meeting: Meeting) -> Iterable[Clash]:
        for option in meeting.standing_options():
            for user_no in sorted(meeting.present()):
                start = option.starts_at
                if start is None:
                    continue
                busy = self._first(user_no, start, start + meeting.duration_ms, meeting.meeting_no)
                if busy is not None:
                    yield Clash(
                        user_no=user_no,
                        option=option.id,
                        title=busy.title,
                        starts_at=busy.starts_at,
                        ends_at=busy.ends_at,
                    )

    def _first(self, user_no: int, start: int, end: int, but_for: int) -> Busy | None:
        found = (
            each.busy
            for each in self.busy
            if each.user_no == user_no
            and each.meeting != but_for
            and each.busy.starts_at < end
            and each.busy.ends_at > start
        )
        return min(found, default=None)
