"""What is known of everybody: a column for each fact, a row for each person."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

ACTIVE: Final = 1
PHONE: Final = 2
TEST: Final = 4
"""Bits of ``flags``."""

GENDERS: Final = ("", "female", "male", "other")
"""What a code of ``gender`` stands for; the first is not known."""

NOT_BORN: Final = -(2**31)
"""``born`` of one whose birth date is not known."""

DAY_S: Final = 86_400
YEAR_DAYS: Final = 365.2425


@dataclass(frozen=True, slots=True)
class Columns:
    """Facts of n people, in the order of their numbers. 34 bytes for each of them."""

    user_no: Ints
    flags: Bytes
    gender: Bytes
    born: Ints
    """Days since 1970-01-01."""
    region: Ints
    """A code for each region; 0 is not known."""
    signed_in: Ints
    """Minutes since 1970 of the last sign-in; 0 for never."""
    online_s: Ints
    """Seconds a day, the mean of the last 30."""
    received: Ints
    """Broadcasts in all."""
    replied: Ints
    received_at: Ints
    """Minutes since 1970 of the last broadcast; 0 for never."""

    def __len__(self) -> int:
        return len(self.user_no)

    def take(self, rows: Rows) -> Self:
        """The facts of some; *rows* ascend."""
        return type(self)(*(getattr(self, each.name).take(rows) for each in fields(self)))

    def rows_of(self, user_nos: Ints) -> Rows:
        """Where these people are; those who are not there are left out."""
        at, known = self.places_of(user_nos)
        return at[known]

    def places_of(self, user_nos: Ints) -> tuple[Rows, Mask]:
        """Where each of these people is, and whether he is there at all."""
        if not len(self):
            return np.zeros(len(user_nos), dtype=np.intp), np.zeros(len(user_nos), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.user_no, user_nos), len(self) - 1)
        return at, self.user_no[at] == user_nos

    def mask_of(self, user_nos: Ints) -> Mask:
        """True for these people."""
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[self.rows_of(user_nos)] = True
        return mask

    def has(self, flag: int) -> Mask:
        """True for those who have all bits of *flag*."""
        mask: Mask = (self.flags & flag) == flag
        return mask


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as far as it decides who hears."""

    user_no: int
    is_test: bool = False
    prefers: str = ""
    """A gender, ``any``, or nothing."""
    born: int = NOT_BORN
    region: int = 0


@dataclass(frozen=True, slots=True)
class Pairs:
    """What some people and the sender had with each other; with all others they had nothing."""

    user_no: Ints
    messages: Ints
    """Of both, in their conversation of the last 30 days."""
    days: NDArray[np.float32]
    """From the first of them to the last."""
    both_wrote: Mask
    replies: Ints
    """To broadcasts of this sender, ever."""

    @classmethod
    def none(cls) -> Self:
        """Those of a sender who never spoke with anybody."""
        ints = np.zeros(0, dtype=np.int32)
        return cls(ints, ints, ints.astype(np.float32), ints.astype(np.bool_), ints)
