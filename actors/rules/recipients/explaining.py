"""Of single people: why they were chosen or not, and every number that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from actors.rules.recipients.columns import Columns, Ints, Mask
from actors.rules.recipients.lots import Purpose, lots
from actors.rules.recipients.scoring import Scored, scored
from actors.rules.recipients.selecting import (
    Selection,
    Wanted,
    Why,
    allowed,
    among_tests,
    facts_of,
    gates,
    left_out,
)
from actors.selection_records import Told


def explained(
    columns: Columns, wanted: Wanted, selection: Selection, user_nos: Ints
) -> Sequence[Told]:
    """Each of *user_nos* that is known, in the order of the columns: the total and what it is made
    of, each from 0 to 1, and the lot of the draw."""
    rows = np.unique(columns.rows_of(user_nos))
    of_each = scored(facts_of(columns, wanted, rows), wanted.strategy)
    lot = lots(wanted.seed, Purpose.DRAW, columns.user_no[rows])
    reasons = _Reasons(columns, wanted, selection)
    return [
        Told(
            user_no=int(columns.user_no[row]),
            why=str(reasons.of(int(row))),
            total=float(of_each.total[at]),
            **_numbers(of_each, at),
            lot=float(lot[at]),
        )
        for at, row in enumerate(rows)
    ]


def _numbers(of_each: Scored, at: int) -> dict[str, dict[str, float]]:
    return {
        "scores": {name: float(value[at]) for name, value in of_each.scores.items()},
        "parts": {name: float(value[at]) for name, value in of_each.parts.items()},
    }


class _Reasons:
    """Why somebody was not chosen: the masks of everybody are made only where one is asked for who
    neither was chosen nor came near."""

    def __init__(self, columns: Columns, wanted: Wanted, selection: Selection) -> None:
        self._columns, self._wanted, self._why = columns, wanted, selection.why
        self._near = frozenset(selection.near.tolist())

    def of(self, row: int) -> Why:
        if row in self._why:
            return self._why[row]
        if int(self._columns.user_no[row]) in self._near:
            return Why.UNDRAWN
        return next((why for why, keeps_out in self._masks if keeps_out[row]), Why.UNDRAWN)

    @cached_property
    def _masks(self) -> Sequence[tuple[Why, Mask]]:
        columns, wanted = self._columns, self._wanted
        may = allowed(columns, wanted)
        signed_in = columns.signed_in > wanted.now_s // 60 - wanted.strategy.active_s[0] // 60
        return [
            *gates(columns, wanted),
            (Why.NO_TEST, ~among_tests(columns, wanted, may)),
            (Why.LATELY, left_out(columns, wanted)),
            (Why.AWAY, ~signed_in),
        ]
