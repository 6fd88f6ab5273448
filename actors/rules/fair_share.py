"""Who is served next: stride scheduling (Waldspurger and Weihl, 1995)."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from types import MappingProxyType
from typing import Final, Generic, TypeVar

J = TypeVar("J", bound=Hashable)

WEIGHTS: Final = MappingProxyType({1: 1, 2: 2, 3: 4, 4: 8})
"""Of each priority: a job of the highest gets eight times what one of the lowest gets."""

_STRIDE = 840  # which every weight from 1 to 8 divides: there is nothing to round


class FairShare(Generic[J]):
    """Shares turns among jobs in proportion to their weights.

    Each job has a pass, which grows by what it was served, the slower the more weight it has; the
    job with the least is next. Nobody saves up turns: who comes, or comes back from having nothing
    to do, begins at the least pass of who is there.
    """

    __slots__ = ("_passes", "_weights")

    def __init__(self) -> None:
        self._passes: dict[J, int] = {}
        self._weights: dict[J, int] = {}

    def put(self, job: J, weight: int) -> None:
        """Let *job* take part, or change its *weight*: 1 or more."""
        if weight < 1:
            raise ValueError(f"a weight of {weight}")
        self._weights[job] = weight
        self._passes.setdefault(job, min(self._passes.values(), default=0))

    def drop(self, job: J) -> None:
        """Forget *job*, if it is there."""
        self._weights.pop(job, None)
        self._passes.pop(job, None)

    def next(self, ready: Collection[J]) -> J | None:
        """Whose turn it is of those that are *ready*; None: of none.

        The same again, until ``served`` is told.

        >>> shares = FairShare[str]()
        >>> shares.put("news", 1), shares.put("alarm", 2)
        (None, None)
        >>> turns = []
        >>> for _ in range(6):
        ...     turns.append(shares.next(["news", "alarm"]))
        ...     shares.served(turns[-1], 1)
        >>> turns
        ['news', 'alarm', 'alarm', 'news', 'alarm', 'alarm']
        """
        here = [job for job in self._passes if job in ready]
        if not here:
            return None
        chosen = min(here, key=self._passes.__getitem__)
        self._passes = {
            job: at if job in ready else max(at, self._passes[chosen])
            for job, at in self._passes.items()
        }
        return chosen

    def served(self, job: J, count: int) -> None:
        """Note that *job*, if it is still there, had *count* of whatever is shared."""
        if job in self._passes:
            self._passes[job] += count * _STRIDE // self._weights[job]
