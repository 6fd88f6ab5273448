"""Jobs whose progress is watched: a new connection has to be told of them anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from protocol.client.record import encode
from protocol.limits import MAX_FRAME


class WatchedJobs:
    """What the program watches. It is asked for again one by one: a server takes few at once."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._again: deque[str] = deque()
        self._asked: tuple[int, str] | None = None
        self._held_until = 0.0

    def begin(self, job: str) -> None:
        """It is shown."""
        self._jobs.add(job)

    def end(self, job: str) -> None:
        """It is wanted no more."""
        self._jobs.discard(job)

    def opened(self) -> None:
        """A new connection shows nothing yet."""
        self._again, self._asked, self._held_until = deque(sorted(self._jobs)), None, 0.0

    def next_payload(self, now: float, new_number: Callable[[], int]) -> bytes | None:
        """The next to ask for, as a request of its own number; None where one is under way."""
        while self._again and self._asked is None and now >= self._held_until:
            job = self._again.popleft()
            if job in self._jobs:
                self._asked = (new_number(), job)
                frame = {"t": "watch_job", "job": job, "on": True, "rid": self._asked[0]}
                return encode(frame, most=MAX_FRAME)
        return None

    def held_until(self, now: float) -> float | None:
        """When it goes on that is held back at *now*; None where nothing is."""
        return self._held_until if self._again and now < self._held_until else None

    def settle(self, number: int) -> str | None:
        """The request *number* is answered: its job; None where that request is none of these."""
        if self._asked is None or self._asked[0] != number:
            return None
        job, self._asked = self._asked[1], None
        return job

    def hold(self, job: str, until: float) -> None:
        """'Not now' came for it; it keeps its place."""
        self._again.appendleft(job)
        self._held_until = until
