"""Reactions and pins of one room, as of the last command taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from actors.records import MarkKey
from actors.room_commands import Change, refuse
from actors.room_log import RoomLog
from actors.rules.sending import invalid
from protocol.limits import EMOJI_KINDS


class Marks:
    """Which are there, and how many have put each emoji on a message.

    Both are asked of the store where they are not remembered. What a message has all in all is
    asked only while none of its changes is on its way: from then on what is pending counts, too.
    """

    MOST_MARKS = 1024
    MOST_MESSAGES = 256

    def __init__(self, log: RoomLog) -> None:
        self._log = log
        self._there: dict[MarkKey, bool] = {}
        self._kinds: dict[int, dict[str, int]] = {}  # by the seq of a message

    def set(self, key: MarkKey, on: bool, command: Change, put: Callable[[], None]) -> None:  # noqa: FBT001
        """Set the mark *key* by *put*, unless it is as asked already or one kind too many."""
        there, again = self._there.get(key), lambda: self.set(key, on, command, put)
        if there is None:
            self._look(key, command, again)
        elif there is on:
            self._log.agree(command)
        elif key.emoji and key.seq not in self._kinds:
            self._count(key, command, again)
        elif key.emoji and not self._fits(key, on=on):
            refuse(command, invalid("emoji", f"a message has at most {EMOJI_KINDS} kinds"))
        else:
            self._remember(key, on=on)
            put()

    def _look(self, key: MarkKey, command: Change, again: Callable[[], None]) -> None:
        def answer(there: bool | None) -> None:  # noqa: FBT001 - the port's answer
            self._remember(key, on=bool(there))
            again()

        if self._log.is_changing(key.seq):
            self._log.wait(command, again)
            return
        self._log.ask(self._log.around.questions.marks, key, command, answer, hold=True)

    def _count(self, key: MarkKey, command: Change, again: Callable[[], None]) -> None:
        def answer(kinds: Mapping[str, int] | None) -> None:
            self._kinds[key.seq] = dict(kinds or {})
            if len(self._kinds) > self.MOST_MESSAGES:
                del self._kinds[next(iter(self._kinds))]
            again()

        if self._log.is_changing(key.seq):
            self._log.wait(command, again)
            return
        asked = (key.room_no, key.seq)
        self._log.ask(self._log.around.questions.kinds, asked, command, answer, hold=True)

    def _fits(self, key: MarkKey, *, on: bool) -> bool:
        """Count the mark in or out; False where there is no place for one more kind."""
        kinds = self._kinds[key.seq]
        count = kinds.get(key.emoji, 0) + (1 if on else -1)
        if on and count == 1 and len(kinds) >= EMOJI_KINDS:
            return False
        kinds[key.emoji] = count
        if count <= 0:
            del kinds[key.emoji]
        return True

    def _remember(self, key: MarkKey, *, on: bool) -> None:
        self._there.pop(key, None)
        self._there[key] = on
        if len(self._there) > self.MOST_MARKS:
            del self._there[next(iter(self._there))]
