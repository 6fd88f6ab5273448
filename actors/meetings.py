"""All meetings of a node: who asks one, and the clock that has them decided in time."""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from actors.meeting import Asked, Done, MeetingActor, MeetingSurroundings
from actors.meeting_commands import MeetingCommand, Tick
from actors.meeting_records import Meeting
from actors.ports import AdapterError
from actors.ref import ActorError, MailboxFull, Reply
from protocol.errors import ErrorCode, ProtocolError


class Meetings:
    """The registry of `MeetingActor`. An actor is there from its first mail until it has none.

    What is due stands in the store; any number of nodes may look, and a meeting that two of them
    wake at once is decided by one.
    """

    MOST: Final = 10_000  # meetings with mail; more are refused
    AT_ONCE: Final = 4  # commits
    DUE_AT_ONCE: Final = 100
    POLL_S: Final = 1.0  # for what other nodes set; and a clock may jump
    AGAIN_S: Final = 0.2  # where what was due could not be done at once
    ASK_S: Final = 10.0

    def __init__(self, around: MeetingSurroundings) -> None:
        self._around = around
        self._actors: dict[str, MeetingActor] = {}
        self._ready: deque[MeetingActor] = deque()
        self._lot = trio.lowlevel.ParkingLot()
        self._woken = trio.Event()

    # ---- asking

    def tell(self, meeting: str, command: MeetingCommand, done: Done) -> None:
        """Have *done* called with what comes of it. Raises MailboxFull."""
        actor = self._actors.get(meeting)
        if actor is None:
            if len(self._actors) >= self.MOST:
                raise MailboxFull(meeting)
            actor = self._actors[meeting] = MeetingActor(meeting, self._around)
            self._ready.append(actor)
            self._lot.unpark()
        actor.tell(Asked(command, done))

    async def ask(self, meeting: str, command: MeetingCommand) -> Meeting:
        """What the meeting is after *command*. Raises ProtocolError."""
        reply = Reply[Meeting | ProtocolError]()
        try:
            with trio.fail_after(self.ASK_S):
                self.tell(meeting, command, reply.set)
                answer = await reply.wait()
        except (ActorError, trio.TooSlowError):
            raise ProtocolError(ErrorCode.UNAVAILABLE) from None
        if isinstance(answer, ProtocolError):
            raise answer
        return answer

    def wake(self) -> None:
        """There is a new meeting, whose time may come before any other's."""
        self._woken.set()

    # ---- working

    async def run(self) -> None:
        """Work until cancelled."""
        self._begin_anew()
        async with trio.open_nursery() as nursery:
            for _ in range(self.AT_ONCE):
                nursery.start_soon(self._work)
            nursery.start_soon(self._watch_the_clock)

    def _begin_anew(self) -> None:
        """Actors whose turn a crash ended have their mail still, and no turn."""
        self._ready = deque(self._actors.values())

    async def _work(self) -> None:
        while True:
            while not self._ready:
                await self._lot.park()
            actor = self._ready.popleft()
            await actor.turn()
            if actor.mailbox:
                self._ready.append(actor)
            else:
                del self._actors[actor.id]

    async def _watch_the_clock(self) -> None:
        while True:
            rest = await self._look()
            with trio.move_on_after(rest):
                await self._woken.wait()
            self._woken = trio.Event()

    async def _look(self) -> float:
        """Have those decide whose time has come; seconds until the next look."""
        store, now = self._around.store, self._around.clock.now_ms()
        try:
            due = await store.due(now=now, most=self.DUE_AT_ONCE)
            for meeting in due:
                self._tick(meeting)
            next_due = None if due else await store.next_due()
        except AdapterError:
            return self.POLL_S
        if due:
            return self.AGAIN_S
        wait = self.POLL_S if next_due is None else (next_due - now) / 1000
        return min(self.POLL_S, max(0.0, wait))

    def _tick(self, meeting: str) -> None:
        try:
            self.tell(meeting, Tick(), lambda _: None)
        except MailboxFull:
            return  # whatever it is asked next looks at the time, too
