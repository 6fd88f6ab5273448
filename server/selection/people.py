"""Facts of everybody, in columns with room for more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.rules.recipients.columns import TEST, Columns, Ints, Sender
from server.selection.columns_sql import PREFERENCES, Rows

KINDS: Final[Mapping[str, type[np.generic]]] = {
    "user_no": np.int32,
    "flags": np.uint8,
    "gender": np.uint8,
    "born": np.int32,
    "region": np.int32,
    "signed_in": np.int32,
    "online_s": np.int32,
    "received": np.int32,
    "replied": np.int32,
    "received_at": np.int32,
    "prefers": np.uint8,
}
"""Those of ``Columns``, and one that only senders have."""

ROOM, MORE = 1_024, 1.25
COMPACTED_FROM: Final = 4_096


class Regions:
    """A code for the hash of each region, from 1 on; 0 is the region of those who have none."""

    def __init__(self) -> None:
        self._codes: dict[int, int] = {0: 0}
        self._next = 1
        self._compact_at = COMPACTED_FROM

    def __len__(self) -> int:
        return len(self._codes)

    def code(self, region: int) -> int:
        """The code of one; -1 where nobody is."""
        return self._codes.get(region, -1)

    def codes(self, regions: NDArray[np.int64]) -> Ints:
        """The codes of all of them; new ones are made."""
        different, places = np.unique(regions, return_inverse=True)
        codes = np.array([self._made(region) for region in different.tolist()], dtype=np.int32)
        return codes[places]

    def forget_all_but(self, used: Ints) -> None:
        """Let go of codes that nobody has, once they may be many."""
        if len(self._codes) < self._compact_at:
            return
        kept = {0, *np.unique(used).tolist()}
        self._codes = {region: code for region, code in self._codes.items() if code in kept}
        self._compact_at = max(COMPACTED_FROM, 2 * len(self._codes))

    def _made(self, region: int) -> int:
        code = self._codes.get(region)
        if code is None:
            code = self._codes[region] = self._next
            self._next += 1
        return code


class People:
    """Everybody who was put here, in the order of their numbers."""

    def __init__(self) -> None:
        self.regions = Regions()
        self._count = 0
        self._held: dict[str, NDArray[Any]] = {
            name: np.zeros(ROOM, dtype=kind) for name, kind in KINDS.items()
        }

    def __len__(self) -> int:
        return self._count

    @property
    def columns(self) -> Columns:
        """What a selection looks at: views, good until the next ``put``."""
        return Columns(**{name: self._of(name) for name in KINDS if name != "prefers"})

    def sender(self, user_no: int) -> Sender:
        """What is known of one who sends."""
        row = int(np.searchsorted(self._of("user_no"), user_no))
        if row == self._count or self._held["user_no"][row] != user_no:
            return Sender(user_no)
        return Sender(
            user_no,
            is_test=bool(self._held["flags"][row] & TEST),
            prefers=PREFERENCES[self._held["prefers"][row]],
            born=int(self._held["born"][row]),
            region=int(self._held["region"][row]),
        )

    def put(self, rows: Rows) -> None:
        """Facts of ``columns_sql.users``, of people who are new or known."""
        rows = rows[np.argsort(rows["user_no"])]
        user_no = rows["user_no"].astype(np.int32)
        at = np.searchsorted(self._of("user_no"), user_no)
        new = self._of("user_no").take(at, mode="clip") != user_no if self._count else at == 0
        if new.any():
            self._make_room(user_no[new], at[new])
            at = np.searchsorted(self._of("user_no"), user_no)
        self._set(at, rows)

    def put_more(self, rows: Rows) -> None:
        """Other facts of people who are here."""
        user_no = rows["user_no"].astype(np.int32)
        at = np.searchsorted(self._of("user_no"), user_no)
        known = self._of("user_no").take(at, mode="clip") == user_no if self._count else at < 0
        self._set(at[known], rows[known])

    def tidy(self) -> None:
        """Let go of what nobody needs any more."""
        self.regions.forget_all_but(self._of("region"))

    def _of(self, name: str) -> NDArray[Any]:
        return self._held[name][: self._count]

    def _set(self, at: NDArray[np.intp], rows: Rows) -> None:
        for name in KINDS:
            if name == "region" and "region" in (rows.dtype.names or ()):
                self._held[name][at] = self.regions.codes(rows[name].astype(np.int64))
            elif name in (rows.dtype.names or ()):
                self._held[name][at] = rows[name]

    def _make_room(self, user_no: Ints, at: NDArray[np.intp]) -> None:
        """Open a row for each of *user_no* before those *at*: mostly at the end."""
        first, count = int(at[0]), self._count + len(user_no)
        for name, column in self._held.items():
            tail = np.insert(column[first : self._count], at - first, 0)
            held = column if count <= len(column) else self._larger(name, round(count * MORE))
            held[first:count] = tail
        self._count = count
        self._held["user_no"][at + np.arange(len(at))] = user_no

    def _larger(self, name: str, size: int) -> NDArray[Any]:
        """A column of *size* instead of one that is full: one at a time is there twice."""
        larger = np.zeros(size, dtype=KINDS[name])
        larger[: self._count] = self._of(name)
        self._held[name] = larger
        return larger
