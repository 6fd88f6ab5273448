"""Makes selections: reads what changed, then chooses. For one thread."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from actors.rules.recipients.columns import ACTIVE, PHONE, Columns, Ints, Mask, Pairs
from actors.rules.recipients.explaining import explained
from actors.rules.recipients.fairness import gini
from actors.rules.recipients.selecting import Selection, Wanted, select
from actors.rules.recipients.strategy import SEED, Strategy
from actors.selection_records import PairFacts, Selected, SelectionAsked, SelectionFigures, Told
from server.selection.audiences import within
from server.selection.columns_sql import EXPOSURES, ONLINE, REGION, group, users
from server.selection.people import People
from server.selection.reading import WITHIN_S, Reader

NOBODY: Final = np.zeros(0, dtype=np.int32)


class Chooser:
    """Everybody's facts, and the connection that they come from; begins by reading all of them.

    Every call raises DatabaseLost when that connection is: then another is to be made.
    """

    def __init__(self, reader: Reader, *, test_prefix: str, strategy: Strategy = SEED) -> None:
        begun = time.perf_counter()
        self._reader, self._strategy = reader, strategy
        self._users = users(reader.literal(test_prefix))
        self._people = People()
        with reader.snapshot() as self._xmin:
            for rows in reader.rows(self._users, self._users.all()):
                self._people.put(rows)
            for source in (EXPOSURES, ONLINE):
                for rows in reader.rows(source, source.all()):
                    self._people.put_more(rows)
        reader.allow(WITHIN_S)
        reader.only_by_index()
        self._rebuilt_ms = _ms_since(begun)

    def refresh(self) -> None:
        """Read what changed since the last time."""
        with self._reader.snapshot() as xmin:
            self._read_changes(xmin)

    def select(self, asked: SelectionAsked) -> Selected:
        """One selection, of all users as they are now."""
        begun = time.perf_counter()
        wanted = self._wanted(asked)
        columns = self._people.columns
        selection = select(columns, wanted)
        rows = [*selection.why, *columns.rows_of(selection.near).tolist()]
        told = _told(columns, wanted, selection, rows)
        count = len(selection.why)
        return Selected(
            chosen=told[:count],
            near=sorted(told[count:], key=lambda each: -each.total),
            counts=selection.counts,
            strategy=described(self._strategy),
            took_ms=_ms_since(begun),
        )

    def explain(self, asked: SelectionAsked, user_no: int) -> Told | None:
        """What that selection says of one person; None for one who is not known."""
        wanted = self._wanted(asked)
        columns = self._people.columns
        rows = columns.rows_of(_numbers([user_no])).tolist()
        return next(iter(_told(columns, wanted, select(columns, wanted), rows)), None)

    def figures(self) -> SelectionFigures:
        """How it is now."""
        self.refresh()
        columns = self._people.columns
        return SelectionFigures(
            people=len(columns),
            gini=gini(columns.received[columns.has(ACTIVE | PHONE)]),
            rebuilt_ms=self._rebuilt_ms,
            rss_bytes=_resident(),
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def _read_changes(self, xmin: int) -> None:
        for rows in self._reader.rows(self._users, self._users.since(self._xmin)):
            self._people.put(rows)
        for source in (EXPOSURES, ONLINE):
            for rows in self._reader.rows(source, source.since(self._xmin)):
                self._people.put_more(rows)
        self._people.tidy()
        self._xmin = xmin

    def _wanted(self, asked: SelectionAsked) -> Wanted:
        """*asked* in the terms of the columns, as they are now."""
        with self._reader.snapshot() as xmin:
            self._read_changes(xmin)
            meant = self._meant(asked)
        return Wanted(
            sender=self._people.sender(asked.sender_no),
            asked=asked.asked,
            seed=asked.seed,
            now_s=asked.now_ms // 1000,
            strategy=self._strategy,
            blocked=_numbers(asked.blocked),
            pairs=_pairs(asked.pairs),
            within=meant,
        )

    def _meant(self, asked: SelectionAsked) -> Mask | None:
        audience, region, members = asked.audience, -1, NOBODY
        if audience is None:
            return None
        if audience.group_no is not None:
            source = group(audience.group_no)
            blocks = [rows["user_no"] for rows in self._reader.rows(source, source.all())]
            members = np.concatenate([NOBODY, *blocks])
        if audience.region is not None:
            code = self._reader.ask(REGION, audience.region)[0]
            region = self._people.regions.code(int(code))
        return within(self._people.columns, audience, region, members, asked.now_ms)


def described(strategy: Strategy) -> dict[str, Any]:
    """A strategy in plain values, to be stored and shown.

    >>> told = described(SEED)
    >>> told["name"], told["scores"][2]["parts"][2]
    ('001', {'name': 'region', 'how': 'share', 'weight': 0.2})
    """
    return {
        "name": strategy.name,
        "scores": [
            {
                "name": score.name,
                "weight": score.weight,
                "parts": [
                    {"name": part.name, "how": str(part.how), "weight": part.weight}
                    for part in score.parts
                ],
            }
            for score in strategy.scores
        ],
        "shares": {
            "certain": strategy.certain,
            "fair": strategy.fair,
            "lately_left_out": strategy.lately_left_out,
        },
        "active_s": list(strategy.active_s),
        "epsilon": strategy.epsilon,
    }


def _told(
    columns: Columns, wanted: Wanted, selection: Selection, rows: Sequence[int]
) -> list[Told]:
    """What is to be said of the people in *rows*, in that order."""
    told = {
        each.user_no: each for each in explained(columns, wanted, selection, columns.user_no[rows])
    }
    return [told[number] for number in columns.user_no[rows].tolist()]


def _pairs(facts: Sequence[PairFacts]) -> Pairs:
    return Pairs(
        user_no=_numbers([each.user_no for each in facts]),
        messages=_numbers([each.messages for each in facts]),
        days=np.array([each.days for each in facts], dtype=np.float32),
        both_wrote=np.array([each.both_wrote for each in facts], dtype=np.bool_),
        replies=_numbers([each.replies for each in facts]),
    )


def _numbers(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, dtype=np.int32)


def _ms_since(begun: float) -> int:
    return round((time.perf_counter() - begun) * 1000)


def _resident() -> int:
    """Bytes of this process in memory; where no such thing is told, the most there ever were."""
    try:
        with open("/proc/self/statm", encoding="ascii") as told:  # noqa: PTH123 - no file
            return int(told.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
