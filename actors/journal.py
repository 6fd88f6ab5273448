"""Group commit: the batches of all rooms of the node, one call for each commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto

import trio

from actors.ports import Journal, OutcomeUnknown, StoreUnavailable
from actors.records import Batch, Verdict
from actors.supervisor import Log


class Lost(Enum):
    """Why a batch has no verdict."""

    UNKNOWN = auto()  # the commit may have happened
    UNAVAILABLE = auto()  # it cannot have happened


Outcome = Verdict | Lost
Done = Callable[[Outcome], None]


class GroupCommit:
    """The node's one committer. Bounded by its rooms: each has one batch under way at most.

    While the store is away everything submitted is answered UNAVAILABLE, and one probe for the
    whole node looks for its return.
    """

    MOST_ROWS, MOST_BYTES = 2_000, 4 * 2**20  # in one transaction, so that none is long
    CHUNK_S = 0.002  # completions run this long before the rest of the node gets a turn
    ROOMS_A_LOOK = 8  # rooms between two looks at the clock

    def __init__(
        self,
        journal: Journal,
        *,
        turn_ended: Callable[[], None],
        log: Log,
        within: float = 15.0,
        probe_every: float = 0.25,
    ) -> None:
        self._journal, self._turn_ended, self._log = journal, turn_ended, log
        self._within, self._probe_every = within, probe_every
        self._waiting: deque[tuple[Batch, Done]] = deque()
        self._lot = trio.lowlevel.ParkingLot()
        self._asleep = False
        self.commits = self.rows = 0
        self._under_way = 0  # commits whose completion has not ended
        self._one_at_a_time = trio.Lock()
        self.available = True

    def submit(self, batch: Batch, done: Done) -> None:
        """Have *batch* stored; *done* learns the outcome, never from inside this call."""
        self._waiting.append((batch, done))
        if self._asleep:
            self._asleep = False
            self._lot.unpark()

    def idle(self) -> bool:
        """Nothing waits to be stored or is on its way."""
        return not self._waiting and not self._under_way

    async def run(self) -> None:
        """Commit until cancelled; a commit under way is awaited even then."""
        async with trio.open_nursery() as nursery:
            for _ in range(2):  # while one completes its commit, the next is under way
                nursery.start_soon(self._commit_in_turn)

    async def _commit_in_turn(self) -> None:
        while True:
            async with self._one_at_a_time:
                if not self._waiting:
                    self._asleep = True
                    await self._lot.park()
                taken = self._take()
                self._under_way += 1
                outcomes = await self._commit([batch for batch, _ in taken])
                if Lost.UNKNOWN in outcomes or Lost.UNAVAILABLE in outcomes:
                    await self._complete(taken, outcomes)
                    await self._outlast()
                    continue
            await trio.lowlevel.checkpoint()  # the next commit begins first
            await self._complete(taken, outcomes)

    def _take(self) -> list[tuple[Batch, Done]]:
        taken: list[tuple[Batch, Done]] = []
        rows = size = 0
        while self._waiting and rows < self.MOST_ROWS and size < self.MOST_BYTES:
            batch, done = self._waiting.popleft()
            rows += len(batch.events) + len(batch.cursors)
            size += sum(len(event.body or "") * 3 for event in batch.events)
            taken.append((batch, done))
        self.rows += rows
        return taken

    async def _commit(self, batches: list[Batch]) -> Sequence[Outcome]:
        self.commits += 1
        try:
            with trio.fail_after(self._within, shield=True):
                return _one_for_each(batches, await self._journal.append(batches))
        except StoreUnavailable as exc:
            self._log.warning("store_unavailable", reason=str(exc))
            return [Lost.UNAVAILABLE] * len(batches)
        except (OutcomeUnknown, trio.TooSlowError) as exc:
            self._log.warning("commit_outcome_unknown", reason=str(exc), rooms=len(batches))
            return [Lost.UNKNOWN] * len(batches)
        except Exception as exc:  # noqa: BLE001 - without an outcome its rooms would wait for ever
            self._log.error("commit_failed", exc_info=exc, rooms=len(batches))
            return [Lost.UNKNOWN] * len(batches)

    async def _complete(self, taken: list[tuple[Batch, Done]], outcomes: Sequence[Outcome]) -> None:
        end = trio.current_time() + self.CHUNK_S
        for number, ((_, done), outcome) in enumerate(zip(taken, outcomes, strict=True), 1):
            self._tell(done, outcome)
            if number % self.ROOMS_A_LOOK == 0 and trio.current_time() > end:
                self._turn_ended()
                await trio.lowlevel.checkpoint()
                end = trio.current_time() + self.CHUNK_S
        self._under_way -= 1
        self._turn_ended()

    def _tell(self, done: Done, outcome: Outcome) -> None:
        try:
            done(outcome)
        except Exception as exc:  # noqa: BLE001 - one room's fault must not keep the others waiting
            self._log.error("outcome_not_taken", exc_info=exc)

    async def _outlast(self) -> None:
        """Wait out an outage, refusing what is submitted meanwhile."""
        self.available = False
        while not await self._probe():
            await trio.sleep(self._probe_every)
            refused, self._waiting = list(self._waiting), deque()
            self._under_way += 1
            await self._complete(refused, [Lost.UNAVAILABLE] * len(refused))
        self.available = True

    async def _probe(self) -> bool:
        try:
            with trio.fail_after(self._within):
                await self._journal.probe()
        except (StoreUnavailable, trio.TooSlowError):
            return False
        except Exception as exc:  # noqa: BLE001 - whatever ails the store, it is asked again
            self._log.error("probe_failed", exc_info=exc)
            return False
        return True


def _one_for_each(batches: Sequence[Batch], verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    if len(verdicts) != len(batches):
        raise ValueError(f"{len(verdicts)} verdicts on {len(batches)} batches")
    return verdicts
