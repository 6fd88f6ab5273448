"""Lots: a number from 0 to 1 for each person, the same for the same seed, purpose and person.

Who else is there does not matter: the lot of one person can be told again without the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.rules.recipients.columns import Ints, Rows

Lots = NDArray[np.float64]
LotsOf = Callable[[Rows], Lots]
"""Those of some, where it is not known yet of whom they are wanted."""

STEP: Final = np.uint64(0x9E3779B97F4A7C15)
MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))


class Purpose(IntEnum):
    """What a lot is drawn for: each has lots of its own."""

    LATELY = 1
    TIE = 2
    FAIR = 3
    DRAW = 4
    REST = 5


def lots(seed: int, purpose: Purpose, user_no: Ints) -> Lots:
    """SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), keyed by *seed* (63 bits) and *purpose*."""
    key = _mixed(_mixed(np.array([seed], dtype=np.uint64)) + np.uint64(purpose))
    mixed = _mixed(_mixed(user_no.astype(np.uint64)) ^ key)
    return ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (numbers + np.uint64(1)) * STEP
    for shift, by in zip(SHIFTS[:2], MIX, strict=True):
        mixed ^= mixed >> shift
        mixed *= by
    mixed ^= mixed >> SHIFTS[2]
    return mixed


def most(values: NDArray[np.floating], ties: LotsOf, count: int) -> Rows:
    """Where the *count* greatest values are; of equal ones, those with the least lots."""
    if count <= 0:
        return np.zeros(0, dtype=np.intp)
    if count >= len(values):
        return np.arange(len(values))
    least = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > least)
    equal = np.flatnonzero(values == least)
    equal = equal[np.argsort(ties(equal), kind="stable")[: count - len(above)]]
    return np.sort(np.concatenate([above, equal]))


def keys(weights: NDArray[np.floating], lot: Lots) -> NDArray[np.float64]:
    """Those with the greatest keys are drawn one after another without replacement, each time in
    proportion to *weights*: lot^(1/weight), as its logarithm (Efraimidis, Spirakis, 2006).
    """
    key: NDArray[np.float64] = np.log(lot) / weights
    return key


class Leaders:
    """The *count* people with the greatest values, of equal ones those with the least lots; they
    come in blocks, so that what is made of a block on the way stays in a core's cache.
    """

    def __init__(self, count: int, lots_of: LotsOf) -> None:
        self._count, self._lots_of = count, lots_of
        self._rows: Rows = np.zeros(0, dtype=np.intp)
        self._values = np.zeros(0)

    def put(self, rows: Rows, values: NDArray[np.floating]) -> None:
        """Some more people, each with his value."""
        few = most(values, lambda at: self._lots_of(rows[at]), self._count)
        self._rows = np.concatenate([self._rows, rows[few]])
        self._values = np.concatenate([self._values, values[few]])

    def first(self, count: int, *, but: Collection[int]) -> list[int]:
        """The *count* first rows without those of *but*, of which are so few that they lead."""
        free = np.array([row not in but for row in self._rows.tolist()], dtype=np.bool_)
        rows, values = self._rows[free], self._values[free]
        return list(map(int, rows[most(values, lambda at: self._lots_of(rows[at]), count)]))
