"""A cache in memory, with the promises of the one that all nodes share."""

from __future__ import annotations

from collections.abc import Sequence

import trio


class LocalCache:
    """The port Cache."""

    def __init__(self) -> None:
        self._generations: dict[str, int] = {}
        self._values: dict[str, tuple[int, float, bytes]] = {}

    async def get(self, name: str) -> tuple[bytes | None, int]:
        """What is kept now, if anything, and the generation to put something else in."""
        generation = self._generations.get(name, 0)
        of, until, value = self._values.get(name, (0, 0.0, b""))
        good = of == generation and trio.current_time() < until
        return (value if good else None), generation

    async def put(self, name: str, value: bytes, generation: int, *, kept_s: int) -> None:
        """Keep *value* for so long, unless its generation is over."""
        if self._generations.get(name, 0) == generation:
            self._values[name] = (generation, trio.current_time() + kept_s, value)

    async def forget(self, names: Sequence[str]) -> None:
        """Begin a new generation."""
        for name in names:
            self._generations[name] = self._generations.get(name, 0) + 1
            self._values.pop(name, None)
