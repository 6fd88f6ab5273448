"""How evenly people are chosen."""

from __future__ import annotations

import numpy as np

from actors.rules.recipients.columns import Ints


def gini(received: Ints) -> float:
    """The Gini index of what each received: 0 where all got the same, near 1 where one got all.

    >>> gini(np.array([3, 3, 3], dtype=np.int32))
    0.0
    >>> gini(np.array([0, 0, 0, 8], dtype=np.int32))
    0.75
    >>> gini(np.array([], dtype=np.int32))
    0.0
    """
    total = int(received.sum(dtype=np.int64))
    if not total:
        return 0.0
    ordered = np.sort(received).astype(np.float64)
    ranks = np.arange(1, len(ordered) + 1)
    return round(float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * total)), 12)
