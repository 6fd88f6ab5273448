"""What campaigns meet that goes wrong: a ledger and a provider that fail, and see what is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from campaign_watch import Standing, Watch
from campaign_world import Ledger
from remembering_log import RememberingLog

from actors.message_records import Outcome, OutgoingMessage
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.campaign_states import RUNNING, RecipientStatus
from server.memory.blocks import MemoryBlocks

ANSWERS = {
    "sent": (True, Outcome(kind="sent", provider_id="p")),
    "refused": (False, Outcome(kind="refused", reason="provider_refused")),
    "again": (False, Outcome(kind="again", reason="provider_error")),
    "limited": (False, Outcome(kind="again", reason="limited", retry_after_ms=7_000)),
    "taken, but unknown": (True, Outcome(kind="unknown", reason="no_answer")),
    "not taken, but unknown": (False, Outcome(kind="unknown", reason="bad_answer")),
}
"""What a provider may do: whether it takes the message, and what is heard of it."""

BEGUN = (RecipientStatus.LEASED, RecipientStatus.UNKNOWN)
ONCE = ("move", "read", "deliver", "begin", "record", "add")
ANY_TIMES = ("lease", "renew", "let_go", "waiting", "next_due")


def lost(call: str) -> Exception:
    """What *call* raises whose answer was lost: the store is away, for what may be done twice."""
    return OutcomeUnknown(call) if call in ONCE else StoreUnavailable(call)


class WatchedLedger(Ledger):
    """Is looked at after every call. What is wrong is kept in ``wrong``: the campaigns outlive what
    their store raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.excused: set[tuple[int, int, int]] = set()  # job, recipient, attempt
        self._watch = Watch()
        self._running: set[int] = set()

    @asynccontextmanager
    async def _call(self, name: str, count: int = 0) -> AsyncIterator[None]:
        async with super()._call(name, count):
            yield
            self.look()

    def look(self) -> None:
        """After any change."""
        for number, job in self.jobs.items():
            if number in self._running and job.status not in RUNNING:
                self.excuse(job=number)
            try:
                self._watch.look(job.job_id, self.standing(number))
            except AssertionError as error:
                self.wrong.append(str(error))
        self._running = {number for number, job in self.jobs.items() if job.status in RUNNING}

    def standing(self, number: int) -> Standing:
        job = self.jobs[number]
        ledger = {no: (row.status, row.attempt) for no, row in job.ledger.items()}
        return Standing(job.status, job.lease, job.counts, job.is_read, ledger)

    def excuse(self, *, job: int | None = None, user: int | None = None) -> None:
        """Whoever was begun with is under way, whatever was said meanwhile; also whose lease was
        over by the clock of another node.
        """
        for number, each in self.jobs.items():
            for no, row in each.ledger.items():
                is_meant = job in (None, number) and user in (None, no)
                if is_meant and row.status in BEGUN:
                    self.excused.add((number, no, row.attempt))

    def judge(self, message_id: str) -> None:
        """Somebody is sent to now, by one of the jobs of a chain of resends."""
        first, user = message_id.rsplit("-", 1)
        jobs = [(no, job) for no, job in self.jobs.items() if self.first_of(job).job_id == first]
        whys = [self._forbids(no, int(user)) for no, job in jobs if int(user) in job.ledger]
        if all(whys):
            self.wrong.append(f"{message_id} is sent, but {whys}")

    def _forbids(self, number: int, user_no: int) -> str:
        job, row = self.jobs[number], self.jobs[number].ledger[user_no]
        if row.status not in BEGUN:
            return row.status
        if (number, user_no, row.attempt) in self.excused:
            return ""
        return self._left_out(job, user_no) if job.status in RUNNING else job.status

    def messages(self) -> Counter[tuple[str, int]]:
        """How many of each job there are in each room of the service."""
        found: Counter[tuple[str, int]] = Counter()
        for user_no, room in self._rooms.items():
            for event in self._log.rooms[room].events:
                found[str(event.client_id).removeprefix("campaign-"), user_no] += 1
        return found

    def blocks(self) -> MemoryBlocks:
        return MemoryBlocks(self._log)


class FickleProvider:
    """Answers by who is asked for, and for which time, so that no order of calls changes it."""

    def __init__(self, ledger: WatchedLedger) -> None:
        self.kinds: Sequence[str] = ["sent"]
        self.took_s = 2.0
        self.asked: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self._ledger = ledger

    async def send(self, message: OutgoingMessage) -> Outcome:
        self._ledger.judge(message.id)
        self.asked[message.id] += 1
        turn = int(message.id.rsplit("-", 1)[1]) + self.asked[message.id]
        is_taken, outcome = ANSWERS[self.kinds[turn % len(self.kinds)]]
        self.accepted[message.id] += is_taken
        await trio.sleep(self.took_s)
        return outcome


class FaultLog(RememberingLog):
    """Keeps what nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[object] = []

    def error(self, event: str, **values: object) -> None:
        super().error(event, **values)
        self.faults.append((event, values))
