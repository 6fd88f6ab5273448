"""How far a command has come, on a terminal."""

from __future__ import annotations

from typing import TextIO

WIDTH = 30
BACK = "\r\x1b[K"


class Progress:
    """A bar on *stream*, where that is a terminal: *total* is all there is to do, in any unit."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._total = total
        self._shown = stream.isatty()

    def show(self, done: int, text: str) -> None:
        """Draw it anew, followed by *text*."""
        if self._shown:
            part = min(1.0, done / self._total) if self._total else 1.0
            bar = "#" * int(part * WIDTH)
            self._stream.write(f"{BACK}[{bar:.<{WIDTH}}] {part:4.0%} {text}")
            self._stream.flush()

    def clear(self) -> None:
        """Take it away, so that something else can be written."""
        if self._shown:
            self._stream.write(BACK)
