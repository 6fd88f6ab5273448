"""From plain calls to an asynchronous port and back: many questions, one trip."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

import trio

from actors.ports import AdapterError, StoreUnavailable
from actors.supervisor import Log

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batcher(Generic[K, V]):
    """Collects keys while one trip is under way and asks for all of them in the next.

    A key gets its value, None when the port left it out, or the AdapterError of its trip. The
    queue is bounded by its callers, each of which waits for its answer before it asks again.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        *,
        turn_ended: Callable[[], None],
        log: Log,
        most: int = 500,
        within: float = 10.0,
    ) -> None:
        self._fetch, self._turn_ended, self._log = fetch, turn_ended, log
        self._most, self._within = most, within
        self._waiting: dict[K, list[Callable[[V | AdapterError | None], None]]] = {}
        self._lot = trio.lowlevel.ParkingLot()

    def ask(self, key: K, done: Callable[[V | AdapterError | None], None]) -> None:
        """Have *done* called with the answer for *key*; never from inside this call."""
        self._waiting.setdefault(key, []).append(done)
        self._lot.unpark()

    async def run(self) -> None:
        """Make trips until cancelled."""
        while True:
            if not self._waiting:
                await self._lot.park()
            keys = list(self._waiting)[: self._most]
            calls = [(key, self._waiting.pop(key)) for key in keys]
            answers = await self._trip(keys)
            for key, waiting in calls:
                answer = answers if isinstance(answers, AdapterError) else answers.get(key)
                for done in waiting:
                    done(answer)
            self._turn_ended()

    async def _trip(self, keys: Sequence[K]) -> Mapping[K, V] | AdapterError:
        try:
            with trio.fail_after(self._within):
                return await self._fetch(keys)
        except AdapterError as exc:
            return exc
        except trio.TooSlowError:
            return StoreUnavailable("the store did not answer in time")
        except Exception as exc:  # noqa: BLE001 - a question that fails must not strand those who ask
            self._log.error("question_failed", exc_info=exc)
            return AdapterError(str(exc))
