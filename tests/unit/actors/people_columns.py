"""People as columns, each made by saying only what matters of him."""

from __future__ import annotations

import numpy as np

from actors.rules.recipients.columns import ACTIVE, NOT_BORN, PHONE, Columns, Pairs, Sender
from actors.rules.recipients.selecting import Wanted
from actors.rules.recipients.strategy import SEED

NOW_S = 1_800_000_000
MINUTES = NOW_S // 60
DAY = 1_440
KINDS = {"flags": np.uint8, "gender": np.uint8}
USUAL = {
    "flags": ACTIVE | PHONE,
    "gender": 0,
    "born": NOT_BORN,
    "region": 0,
    "signed_in": MINUTES - DAY,
    "online_s": 0,
    "received": 0,
    "replied": 0,
    "received_at": 0,
}


def columns(*people):
    """Each a dict of what is not as usual; they have the numbers 1, 2, 3, …"""
    facts = {
        name: np.array([person.get(name, usual) for person in people], dtype=KINDS.get(name, "i4"))
        for name, usual in USUAL.items()
    }
    return Columns(user_no=np.arange(1, len(people) + 1, dtype=np.int32), **facts)


def crowd(count, **facts):
    return columns(*({**facts} for _ in range(count)))


def wanted(**fields):
    """From somebody whom the columns do not have, of everybody, to as many as are *asked*."""
    none = np.zeros(0, dtype=np.int32)
    usual = {"sender": Sender(999_999), "asked": 10, "seed": 1, "now_s": NOW_S}
    return Wanted(**{**usual, "strategy": SEED, "blocked": none, "pairs": Pairs.none(), **fields})


def pairs(*each):
    """(number, messages, days, whether both wrote, replies), in the order of the numbers."""
    kinds = (np.int32, np.int32, np.float32, np.bool_, np.int32)
    return Pairs(
        *(
            np.array(values, dtype=kind)
            for values, kind in zip(zip(*each, strict=True), kinds, strict=True)
        )
    )
