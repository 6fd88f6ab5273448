"""Blocks between people as actors know them. Who blocked whom is the store's to know."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable

import trio

from actors.message import message
from actors.ref import Reply

Pair = tuple[int, int]  # user numbers, in either order


@message
class Blocked:
    """These two have a block between them, or (``on`` False) no longer. It is stored already.

    ``known`` is answered once the actor goes by it, or has to read it when it starts again.
    """

    pair: Pair
    on: bool
    known: Reply[bool]


class BlocksAmong(dict[int, set[int]]):
    """The blocks among the members of a room, found from either side: false if there are none."""

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        super().__init__()
        for pair in pairs:
            self.put(pair, on=True)

    def put(self, pair: Pair, *, on: bool) -> None:
        """Note a block between two members, or its end."""
        for one, other in (pair, pair[::-1]):
            others = self.setdefault(one, set())
            (others.add if on else others.discard)(other)
            if not others:
                del self[one]

    def between(self, one: int, other: int) -> bool:
        """Whether the two have one."""
        return other in self.get(one, ())

    def joins(self, user_no: int, blocks: Iterable[int], members: Container[int]) -> None:
        """*user_no* is a member from now on, or (without *blocks*) no longer, and has *blocks*."""
        for other in list(self.get(user_no, ())):
            self.put((user_no, other), on=False)
        for other in blocks:
            if other in members:
                self.put((user_no, other), on=True)


class RecentBlocks:
    """What changed on this node lately: an answer read from the store before may not say so.

    A join takes its blocks along from the store; whatever changes until it is durable is here.
    """

    KEPT_S = 300.0  # far more than a join may wait for its commit
    MOST = 10_000

    def __init__(self) -> None:
        self._changes: deque[tuple[float, Pair, bool]] = deque(maxlen=self.MOST)

    def note(self, pair: Pair, *, on: bool) -> None:
        """Two people have a block between them from now on, or no longer."""
        now = trio.current_time()
        while self._changes and self._changes[0][0] < now - self.KEPT_S:
            self._changes.popleft()
        self._changes.append((now, pair, on))

    def amend(self, blocks: Iterable[int], user_no: int) -> frozenset[int]:
        """*blocks* of *user_no* as the store had them, with what changed since."""
        amended = set(blocks)
        for _, pair, on in self._changes:
            if user_no in pair:
                other = pair[0] if pair[1] == user_no else pair[1]
                (amended.add if on else amended.discard)(other)
        return frozenset(amended)
