"""What the numbers mean that a bot's user types."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from protocol.ids import Millis

KEPT_MS: Final = 10 * 60_000
"""How long the numbers of a list stand for something."""
NUMBER: Final = re.compile(r"[0-9]{1,6}")
"""Of a list; ids are longer."""


class ShownList(NamedTuple):
    """What somebody saw, from number 1 on."""

    at: Millis
    notifications: Sequence[str]


NOTHING_SHOWN: Final = ShownList(Millis(0), ())


class ShownLists:
    """What the numbers of each one's last list stand for, for a while, of so many users."""

    def __init__(self, *, most: int = 10_000) -> None:
        self._most = most
        self._lists: OrderedDict[str, ShownList] = OrderedDict()

    def put(self, whose: str, shown: ShownList) -> None:
        """He sees these now."""
        self._lists[whose] = shown
        self._lists.move_to_end(whose)
        if len(self._lists) > self._most:
            self._lists.popitem(last=False)

    def found(self, whose: str, what: str, *, now: Millis) -> str | None:
        """The id that *what* stands for: a number of his list, or that itself."""
        if not NUMBER.fullmatch(what):
            return what or None
        at, listed = self._lists.get(whose, NOTHING_SHOWN)
        is_there = now - at < KEPT_MS and 0 < int(what) <= len(listed)
        return listed[int(what) - 1] if is_there else None
