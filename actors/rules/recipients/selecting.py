"""The stages of a selection: who may hear it at all, the best, the rare, the drawn, the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.rules.recipients.columns import (
    ACTIVE,
    PHONE,
    TEST,
    Columns,
    Ints,
    Mask,
    Pairs,
    Rows,
    Sender,
)
from actors.rules.recipients.lots import Leaders, Lots, Purpose, keys, lots, most
from actors.rules.recipients.parts import Facts, Part, lately
from actors.rules.recipients.scoring import total_of
from actors.rules.recipients.strategy import Strategy
from protocol.limits import BROADCAST_RECIPIENTS

NEAR: Final = 100
"""How many of those who were not chosen are remembered."""
BLOCK: Final = 131_072


class Why(StrEnum):
    """Why somebody was chosen, or was not."""

    CERTAIN = "certain"
    FAIR = "fair"
    DRAWN = "drawn"
    WIDENED = "widened"
    """Drawn from those whose last sign-in is older, for want of others."""
    FILLED = "filled"
    """Drawn at random from all that were left, for want of others."""

    SENDER = "sender"
    INACTIVE = "inactive"
    PHONELESS = "phoneless"
    BLOCKED = "blocked"
    OUTSIDE = "outside"
    """Not of the group."""
    NO_TEST = "no_test"
    """The sender is a test account, and there are enough of them."""
    LATELY = "lately"
    """Received a broadcast within 24 hours, and the lot left him out."""
    AWAY = "away"
    """Has not signed in for long."""
    UNDRAWN = "undrawn"


CHOSEN: Final = frozenset({Why.CERTAIN, Why.FAIR, Why.DRAWN, Why.WIDENED, Why.FILLED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a selection is made from, beside the columns. The same gives the same people."""

    sender: Sender
    asked: int
    seed: int
    now_s: int
    strategy: Strategy
    blocked: Ints
    """Who blocks the sender, or is blocked by him."""
    pairs: Pairs
    within: Mask | None = None
    """The group; None for everybody."""


@dataclass(slots=True)
class Selection:
    """Who was chosen: ``why`` by row of the columns, in the order of the choice."""

    why: dict[int, Why] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """How many passed each stage."""
    near: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    """The best of those who were not chosen, by number."""


def gates(columns: Columns, wanted: Wanted) -> Iterator[tuple[Why, Mask]]:
    """What nothing lifts: each with a mask of those whom it keeps out."""
    yield Why.SENDER, columns.user_no == wanted.sender.user_no
    yield Why.INACTIVE, ~columns.has(ACTIVE)
    yield Why.PHONELESS, ~columns.has(PHONE)
    yield Why.BLOCKED, columns.mask_of(wanted.blocked)
    if wanted.within is not None:
        yield Why.OUTSIDE, ~wanted.within


def allowed(columns: Columns, wanted: Wanted) -> Mask:
    """True for those whom no gate keeps out."""
    out = np.zeros(len(columns), dtype=np.bool_)
    for _, keeps_out in gates(columns, wanted):
        out |= keeps_out
    return ~out


def among_tests(columns: Columns, wanted: Wanted, may: Mask) -> Mask:
    """*may*, or the test accounts of it for a sender who is one, where they are enough."""
    if not wanted.sender.is_test:
        return may
    tests = may & columns.has(TEST)
    return tests if np.count_nonzero(tests) >= wanted.asked else may


def left_out(columns: Columns, wanted: Wanted) -> Mask:
    """True for the share of the last 24 hours' recipients that is left out."""
    rows = np.flatnonzero(lately(columns, wanted.now_s))
    lot = lots(wanted.seed, Purpose.LATELY, columns.user_no[rows])
    count = math.floor(len(rows) * wanted.strategy.lately_left_out)
    mask = np.zeros(len(columns), dtype=np.bool_)
    mask[rows[most(lot, lot.take, count)]] = True
    return mask


def select(columns: Columns, wanted: Wanted) -> Selection:
    """Choose as many of *columns* as are wanted, or all there are; never more than 100."""
    may = among_tests(columns, wanted, allowed(columns, wanted))
    choosing = _Choosing(columns, wanted, may)
    choosing.recent()
    for younger, older in zip(wanted.strategy.active_s, wanted.strategy.active_s[1:], strict=False):
        choosing.widened(younger, older)
    choosing.rest()
    return choosing.selection


class _Choosing:
    """One selection under way."""

    def __init__(self, columns: Columns, wanted: Wanted, may: Mask) -> None:
        self._columns, self._wanted, self._may = columns, wanted, may
        self._fresh = may & ~left_out(columns, wanted)
        self.selection = Selection()
        self._count("allowed", may)
        self._count("not_left_out", self._fresh)

    def recent(self) -> None:
        """The best for certain, the rare, and of the others as many as are drawn."""
        strategy, asked = self._wanted.strategy, self._missing
        best = self._leaders(asked + NEAR, Purpose.TIE)
        rare = self._leaders(asked, Purpose.FAIR)
        drawn = self._leaders(asked, Purpose.DRAW)
        count = 0
        for rows in self._signed_in(0, strategy.active_s[0]):
            count += len(rows)
            total = self._total(rows)
            best.put(rows, total)
            rare.put(rows, -self._columns.received[rows].astype(np.float32))
            drawn.put(rows, self._keys(rows, total))
        self.selection.counts["recent"] = count
        self._choose(best, _up(strategy.certain * asked), Why.CERTAIN)
        self._choose(rare, min(self._missing, _down(strategy.fair * asked)), Why.FAIR)
        self._choose(drawn, self._missing, Why.DRAWN)
        near = best.first(NEAR, but=self.selection.why)
        self.selection.near = self._columns.user_no[near]

    def widened(self, younger_s: int, older_s: int) -> None:
        """Drawn from those who signed in longer ago than the one and not longer than the other."""
        if self._missing:
            drawn = self._leaders(self._missing, Purpose.DRAW)
            for rows in self._signed_in(younger_s, older_s):
                drawn.put(rows, self._keys(rows, self._total(rows)))
            self._choose(drawn, self._missing, Why.WIDENED)

    def rest(self) -> None:
        """Anybody who may: neither the time of the sign-in counts now nor what was received."""
        if self._missing:
            left = self._may.copy()
            left[list(self.selection.why)] = False
            drawn = self._leaders(self._missing, Purpose.REST)
            for rows in _blocks(left):
                drawn.put(rows, self._lots(Purpose.REST, rows))
            self._choose(drawn, self._missing, Why.FILLED)

    @property
    def _missing(self) -> int:
        return min(self._wanted.asked, BROADCAST_RECIPIENTS) - len(self.selection.why)

    def _leaders(self, count: int, purpose: Purpose) -> Leaders:
        return Leaders(count, lambda rows: self._lots(purpose, rows))

    def _choose(self, leaders: Leaders, count: int, why: Why) -> None:
        chosen = leaders.first(count, but=self.selection.why)
        self.selection.why.update(dict.fromkeys(chosen, why))

    def _signed_in(self, younger_s: int, older_s: int) -> Iterator[Rows]:
        signed_in, now = self._columns.signed_in, self._wanted.now_s // 60
        within = signed_in > now - older_s // 60
        if younger_s:
            within &= signed_in <= now - younger_s // 60
        return _blocks(within & self._fresh)

    def _total(self, rows: Rows) -> Part:
        return total_of(facts_of(self._columns, self._wanted, rows), self._wanted.strategy)

    def _keys(self, rows: Rows, total: Part) -> NDArray[np.float64]:
        weights = np.maximum(total, self._wanted.strategy.epsilon).astype(np.float64)
        return keys(weights, self._lots(Purpose.DRAW, rows))

    def _lots(self, purpose: Purpose, rows: Rows) -> Lots:
        return lots(self._wanted.seed, purpose, self._columns.user_no[rows])

    def _count(self, stage: str, mask: Mask) -> None:
        self.selection.counts[stage] = int(np.count_nonzero(mask))


def _blocks(mask: Mask) -> Iterator[Rows]:
    """The rows of *mask*, so many at a time that the numbers made of them stay in the cache."""
    for at in range(0, len(mask), BLOCK):
        yield at + np.flatnonzero(mask[at : at + BLOCK])


def facts_of(columns: Columns, wanted: Wanted, rows: Rows) -> Facts:
    """What the parts look at for the people in *rows*."""
    return Facts(wanted.sender, columns.take(rows), wanted.pairs, wanted.now_s)


def _up(share: float) -> int:
    """Rounded up, but for what binary fractions add: a fifth of 15 is 3."""
    return math.ceil(round(share, 9))


def _down(share: float) -> int:
    return math.floor(round(share, 9))
