"""How long users are connected to this node, by day."""

from __future__ import annotations

from typing import Final

import trio

from actors.ports import WallClock

DAY_S: Final = 86_400

OnlineDay = tuple[int, int]
"""A user's number, and a day: how many after 1970-01-01, in UTC."""


class OnlineTime:
    """Users' actors say who comes and goes; the node takes what is to be written down.

    Time that is not over yet is taken in pieces of about EVERY_S, so that a crash loses little.
    """

    EVERY_S = 45.0
    AT_ONCE = 1_000

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}  # whoever is here, the longest not looked at first
        self._noted: dict[OnlineDay, int] = {}

    def put(self, user_no: int, *, here: bool) -> None:
        """Note whether a user is connected from now on."""
        now = trio.current_time()
        if not here:
            self._note(user_no, round(now - self._since.pop(user_no, now)))
        elif user_no not in self._since:
            self._since[user_no] = now

    def take(self) -> dict[OnlineDay, int]:
        """Seconds to be written down, not yet taken: of at most AT_ONCE who are still here."""
        now = trio.current_time()
        for _ in range(min(self.AT_ONCE, len(self._since))):
            user_no, since = next(iter(self._since.items()))
            passed = int(now - since)
            if passed < self.EVERY_S:
                break
            del self._since[user_no]
            self._since[user_no] = since + passed
            self._note(user_no, passed)
        taken, self._noted = self._noted, {}
        return taken

    def give_back(self, taken: dict[OnlineDay, int]) -> None:
        """Keep what could not be written down for the next time."""
        for key, seconds in taken.items():
            self._noted[key] = self._noted.get(key, 0) + seconds

    def _note(self, user_no: int, seconds: int) -> None:
        """The *seconds* up to now, each in its day."""
        until = self._clock.now_ms() // 1000
        while seconds > 0:
            day = (until - 1) // DAY_S
            of_day = min(seconds, until - day * DAY_S)
            self._noted[user_no, day] = self._noted.get((user_no, day), 0) + of_day
            seconds, until = seconds - of_day, until - of_day
