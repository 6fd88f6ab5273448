"""How the parts make scores, and the scores one: data, so that another way is another table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from actors.rules.recipients import parts
from actors.rules.recipients.columns import DAY_S
from actors.rules.recipients.parts import Facts, Part


class How(StrEnum):
    """What a part does to the score s it belongs to, with its weight w and value p."""

    SHARE = "share"
    """s + w·p; the weights of a score's shares are 1 together."""
    LIFT = "lift"
    """s + (1 - s)·w·p: nearer to 1, never over it."""
    CUT = "cut"
    """s·(1 - w·p)."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A part, and how it counts."""

    name: str
    how: How
    weight: float
    value: Callable[[Facts], Part]


@dataclass(frozen=True, slots=True)
class Score:
    """One of the scores, from 0 to 1: its parts in the order in which they count."""

    name: str
    weight: float
    parts: Sequence[Weighed]

    def of(self, values: Sequence[Part]) -> Part:
        """The score of all candidates, where *values* are those of its parts."""
        score = np.zeros(len(values[0]), dtype=np.float32)
        for part, value in zip(self.parts, values, strict=True):
            weighed = np.float32(part.weight) * value
            if part.how is How.SHARE:
                score += weighed
            elif part.how is How.LIFT:
                score += (1 - score) * weighed
            else:
                score *= 1 - weighed
        return score


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to choose: shares are of the number asked for, ages in seconds."""

    name: str
    scores: Sequence[Score]
    certain: float = 0.2
    """The best that are chosen in any case, rounded up."""
    fair: float = 0.1
    """What belongs to those who received least, rounded down; none of it is the specification's."""
    lately_left_out: float = 0.5
    """Of those who received a broadcast within 24 hours."""
    active_s: Sequence[int] = field(default=(30 * DAY_S, 60 * DAY_S))
    """How long ago the last sign-in may be, and how long where that finds too few."""
    epsilon: float = 1e-3
    """The least weight in a draw: also who scores 0 has a chance."""


def _scores() -> tuple[Score, ...]:
    share, lift, cut = How.SHARE, How.LIFT, How.CUT
    response = (
        Weighed("reply_rate", share, 1.0, parts.reply_rate),
        Weighed("replied_to_sender", lift, 0.5, parts.replied_to_sender),
    )
    interaction = (
        Weighed("messages", share, 0.5, parts.messages),
        Weighed("duration", share, 0.25, parts.duration),
        Weighed("both_ways", share, 0.25, parts.both_ways),
    )
    preference = (
        Weighed("gender", share, 0.5, parts.gender),
        Weighed("age", share, 0.3, parts.age),
        Weighed("region", share, 0.2, parts.region),
    )
    activity = (
        Weighed("last_sign_in", share, 1.0, parts.last_sign_in),
        Weighed("time_online", lift, 0.5, parts.time_online),
        Weighed("received_lately", cut, 0.5, parts.received_lately),
    )
    return (
        Score("response", 0.25, response),
        Score("interaction", 0.25, interaction),
        Score("preference", 0.20, preference),
        Score("activity", 0.30, activity),
    )


SEED: Final = Strategy("001", _scores())
"""The weights of specification 001."""
