"""How far the bench is: a bar on a terminal, a line a run anywhere else."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

from bench.results import Connected, Progress

WIDTH = 24
CLEAR = "\r\x1b[2K"


class Display:
    """Of *total* runs, on *out*."""

    def __init__(self, total: int, out: TextIO) -> None:
        self._total, self._out = total, out
        self._is_terminal = out.isatty()
        self._done, self._name = 0, ""
        self._began = time.monotonic()

    def begin(self, name: str) -> None:
        """The next run."""
        self._name = name
        self._draw("starts")

    def tell(self, line: Progress | Connected) -> None:
        """What the generator says meanwhile."""
        if isinstance(line, Progress):
            what = f"{line.delivered:,} deliveries" if line.delivered else f"{line.ready:,} there"
            self._draw(f"{line.phase}: {what}")

    def end(self, outcome: str) -> None:
        """The run is over; its line stays."""
        self._done += 1
        took = time.monotonic() - self._began
        clear = CLEAR if self._is_terminal else ""
        count = f"{self._done}/{self._total}"
        print(
            f"{clear}{count:>7}  {took:4.0f} s  {self._name}: {outcome}", file=self._out, flush=True
        )

    def _draw(self, text: str) -> None:
        if not self._is_terminal:
            return
        line = f"{bar(self._done, self._total)} {self._name}: {text}"
        print(CLEAR + line[: shutil.get_terminal_size().columns - 1], end="", file=self._out)
        self._out.flush()


def bar(done: int, total: int) -> str:
    """How much of it is done.

    >>> bar(1, 4)
    '[######..................] 1/4'
    """
    full = WIDTH * done // max(1, total)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] {done}/{total}"
