"""How many of something one call of the store takes: fewer while the store is short of breath."""

from __future__ import annotations


class CallSize:
    """Halves after a call that failed or was *slow* (seconds), and grows by a tenth after a good
    one; from *least* to *most*, where it begins.
    """

    __slots__ = ("_least", "_most", "_slow", "now")

    def __init__(self, most: int, *, least: int = 10, slow: float = 2.0) -> None:
        self._most, self._least, self._slow = most, min(least, most), slow
        self.now = most

    def took(self, seconds: float) -> None:
        """A call succeeded within so many *seconds*.

        >>> size = CallSize(100)
        >>> size.took(2.5), size.now
        (None, 50)
        >>> size.took(0.5), size.now
        (None, 55)
        """
        if seconds > self._slow:
            self.failed()
        else:
            self.now = min(self._most, self.now + max(1, self.now // 10))

    def failed(self) -> None:
        """The store could not."""
        self.now = max(self._least, self.now // 2)
