"""How often a provider may look at a notification that it does not take."""

from __future__ import annotations

from typing import Final

from actors.notification_records import Attempt, OutgoingNotification


class Tries:
    """Tells attempts of a leg that its provider looked at from those that it did not: the store
    counts both together.

    Of *most* legs it is known, those that were tried last. What is forgotten, or was tried by
    another node, is taken for not looked at: a leg is begun with less than ``LOOKED`` +
    ``NOT_LOOKED`` times in any case.
    """

    LOOKED: Final = 5
    NOT_LOOKED: Final = 20

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._looked: dict[int, int] = {}

    def __len__(self) -> int:
        """Of how many legs it is known."""
        return len(self._looked)

    def is_last(self, leg: OutgoingNotification, attempt: Attempt) -> bool:
        """Note an attempt; whether there is not to be another."""
        looked = self._looked.pop(leg.leg_no, 0)
        if attempt.kind != "again":
            return True
        looked += attempt.was_asked and attempt.reason != "limited"
        if looked >= self.LOOKED or leg.attempt - looked >= self.NOT_LOOKED:
            return True
        if looked:
            self._keep(leg.leg_no, looked)
        return False

    def _keep(self, leg_no: int, looked: int) -> None:
        if len(self._looked) >= self._most:
            del self._looked[next(iter(self._looked))]
        self._looked[leg_no] = looked
