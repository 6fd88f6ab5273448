"""The named parts of the four scores: each gives a number from 0 to 1 for each candidate.

To add one, write a function here and give it a row in ``strategy``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.rules.recipients.columns import (
    DAY_S,
    GENDERS,
    NOT_BORN,
    YEAR_DAYS,
    Columns,
    Ints,
    Mask,
    Pairs,
    Sender,
)

Part = NDArray[np.float32]

FULL_MESSAGES: Final = 30
FULL_DAYS: Final = 15.0
FULL_REPLIES: Final = 3
FULL_ONLINE_S: Final = 3_600
SIMILAR_YEARS: Final = 5
LATELY_S: Final = DAY_S
RECENCY: Final = ((1 / 24, 1.0), (20.0, 0.3), (60.0, 0.0))
"""Days since the last sign-in, and what they count, with straight lines between."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a part may look at. *now_s* is in seconds since 1970."""

    sender: Sender
    candidates: Columns
    pairs: Pairs
    now_s: int


def reply_rate(facts: Facts) -> Part:
    """Replied ÷ received; ½ for who never received one."""
    received, replied = facts.candidates.received, facts.candidates.replied
    rate = np.full(len(received), 0.5, dtype=np.float32)
    np.divide(replied, received, out=rate, where=received > 0, casting="same_kind")
    return rate


def replied_to_sender(facts: Facts) -> Part:
    """Replies to this sender ÷ 3, at most 1."""
    return _of_pairs(facts, _share(facts.pairs.replies, FULL_REPLIES))


def messages(facts: Facts) -> Part:
    """Messages with the sender in 30 days ÷ 30, at most 1."""
    return _of_pairs(facts, _share(facts.pairs.messages, FULL_MESSAGES))


def duration(facts: Facts) -> Part:
    """Days from the first of these messages to the last ÷ 15, at most 1."""
    return _of_pairs(facts, _share(facts.pairs.days, FULL_DAYS))


def both_ways(facts: Facts) -> Part:
    """1 where both wrote."""
    return _of_pairs(facts, _ones(facts.pairs.both_wrote))


def gender(facts: Facts) -> Part:
    """1 for the gender the sender prefers; for each that is known where he takes any."""
    if facts.sender.prefers == "any":
        return _ones(facts.candidates.gender > 0)
    if facts.sender.prefers not in GENDERS[1:]:
        return np.zeros(len(facts.candidates), dtype=np.float32)
    return _ones(facts.candidates.gender == GENDERS.index(facts.sender.prefers))


def age(facts: Facts) -> Part:
    """1 within five years of the sender's age."""
    born = facts.candidates.born
    if facts.sender.born == NOT_BORN:
        return np.zeros(len(born), dtype=np.float32)
    near = round(SIMILAR_YEARS * YEAR_DAYS)
    low, high = facts.sender.born - near, facts.sender.born + near
    return _ones((born >= low) & (born <= high))


def region(facts: Facts) -> Part:
    """1 where the sender is."""
    if not facts.sender.region:
        return np.zeros(len(facts.candidates), dtype=np.float32)
    return _ones(facts.candidates.region == facts.sender.region)


def last_sign_in(facts: Facts) -> Part:
    """1 up to an hour ago, 0.3 at 20 days, 0 from 60 days on."""
    days, values = (np.array(each, dtype=np.float32) for each in zip(*RECENCY, strict=True))
    ago = (facts.now_s // 60 - facts.candidates.signed_in) / 1440
    part: Part = np.interp(ago, days, values).astype(np.float32)
    return part


def time_online(facts: Facts) -> Part:
    """Seconds online a day ÷ 3,600, at most 1."""
    return _share(facts.candidates.online_s, FULL_ONLINE_S)


def received_lately(facts: Facts) -> Part:
    """1 for who received a broadcast within 24 hours."""
    return _ones(lately(facts.candidates, facts.now_s))


def lately(columns: Columns, now_s: int) -> Mask:
    """True for who received a broadcast within the 24 hours before *now_s*."""
    return columns.received_at > (now_s - LATELY_S) // 60


def _ones(mask: Mask) -> Part:
    return mask.astype(np.float32)


def _share(values: Ints | Part, full: float) -> Part:
    share: Part = values.astype(np.float32) / np.float32(full)
    np.minimum(share, 1, out=share)
    return share


def _of_pairs(facts: Facts, values: Part) -> Part:
    """*values* of the pairs, where they belong; 0 for everybody else."""
    part = np.zeros(len(facts.candidates), dtype=np.float32)
    at, known = facts.candidates.places_of(facts.pairs.user_no)
    part[at[known]] = values[known]
    return part
