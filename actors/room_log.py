"""A room's way to the journal: gather, store in one batch, then acknowledge and show."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from actors.actor import Actor
from actors.batcher import Batcher
from actors.journal import Lost, Outcome
from actors.ports import AdapterError
from actors.records import (
    Batch,
    Claimed,
    EventKind,
    NewEvent,
    Sent,
    SentKey,
    Target,
    Verdict,
)
from actors.registry import Context
from actors.room_commands import (
    Asked,
    Change,
    ChangeRoom,
    MarkRead,
    OfMembers,
    Post,
    RoomCommand,
    SetMark,
    answer_known,
    confirm_nothing,
    refuse_with_code,
)
from actors.room_state import NO_MESSAGE, Agreeable, Flight, Member, Pending, RecentSends, RoomState
from actors.room_surroundings import Surroundings
from actors.rules.event_frames import is_stored_as
from protocol.errors import ErrorCode
from protocol.frames import Read, Room
from protocol.ids import UserId

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
W = TypeVar("W", bound=Asked)


class RoomLog:
    """The events of one room between command and commit.

    At most one batch is in flight; the next gathers meanwhile. ``shown`` is called for each event
    in order, once it is durable; ``was_read`` for each cursor move or mark that was asked for, and
    then ``was_marked`` for each mark as it is now.
    """

    MOST_PENDING = 256  # events; beyond it the mailbox waits, and then the sockets do
    MOST_IN_FLIGHT = 256  # events in one batch, which the tail of a claim must hold
    MOST_ASKED = 256  # commands that wait for a word of the store; more are refused

    def __init__(
        self,
        owner: Actor[RoomCommand],
        claimed: Claimed,
        context: Context[RoomCommand],
        around: Surroundings,
    ) -> None:
        self.state, self.context, self.around = RoomState(claimed), context, around
        self.audience = around.audience(self.state.room)
        self.recent = RecentSends(claimed.tail)
        self._owner = owner
        self._pending: list[Pending] = []
        self._reads: list[MarkRead | SetMark] = []
        self._marks: dict[int, int] = {}
        self._flight: Flight | None = None
        self._shown = 0  # which event of the flight is being shown
        self._asked: dict[int, RoomCommand] = {}  # by identity: they wait for a word of the store
        self._later: list[tuple[RoomCommand, Callable[[], None]]] = []  # wait for the flight
        self._full = False
        self._committed = self.guard(self._on_outcome)
        self.shown: Callable[[Pending], None]
        self.was_read: Callable[[MarkRead | SetMark], None]
        self.was_marked: Callable[[int, int], None]

    def guard(self, call: Callable[..., None]) -> Callable[..., None]:
        """*call* as a completion of this incarnation."""
        return self.context.completion(self._owner, call)

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """*call* after a while, if this incarnation still is."""
        guarded = self.guard(lambda _: call())
        self.around.after(seconds, lambda: guarded(None))

    # ---- gathering

    def append(self, pending: Pending) -> None:
        """Store an event, which has the next place of the log, with the next batch."""
        self._pending.append(pending)

    def stored(self, command: Agreeable) -> NewEvent | None:
        """The event that the last incarnation took *command* as, where that is durable."""
        asked, command.event = command.event, None
        if asked is None:
            return None
        is_there = any(is_stored_as(asked, stored.event) for stored in self.state.tail)
        return asked if is_there else None

    def agree(self, command: Agreeable) -> None:
        """Everything is as *command* asks: say so as soon as what makes it so is durable."""
        flying = self._flight.pending if self._flight is not None else []
        newest = (self._pending or flying)[-1:]
        if newest:
            self.wait_with(newest[0].agreed, command)
        else:
            confirm_nothing(command)

    def wait_with(self, others: list[W], command: W) -> None:
        """Answer *command* with *others*, of whom there are not too many."""
        if len(others) < self.MOST_ASKED:
            others.append(command)
        else:
            refuse_with_code(command, ErrorCode.UNAVAILABLE)

    def is_changing(self, of: int) -> bool:
        """Whether a change of the message *of* is not durable yet."""
        flying = self._flight.pending if self._flight is not None else []
        return any(pending.event.of == of for pending in (*flying, *self._pending))

    def wait(self, command: RoomCommand, again: Callable[[], None]) -> None:
        """Call *again* once what is in flight is durable: until then the store does not know."""
        self.context.hold()
        self._asked[id(command)] = command
        self._later.append((command, again))

    def now(self) -> int:
        """Calendar time for a stamp, in milliseconds."""
        return self.around.clock.now_ms()

    def moved(self, user: UserId, *, inside: bool) -> None:
        """Tell whoever watches *user* by his own name, which a blind room must not confirm."""
        if not self.state.blind:
            self.around.moved(user, self.state.room, inside)

    def read(self, command: MarkRead | SetMark) -> None:
        """Answer *command* once the next batch is stored, which has its cursor."""
        self._reads.append(command)

    def mark(self, user_no: int, seq: int) -> None:
        """Store a member's mark with the next batch, or (0) that there is none any more."""
        self._marks[user_no] = self.state.marks[user_no] = seq
        if not seq:
            del self.state.marks[user_no]

    def find(self, seq: int, command: RoomCommand, again: Callable[[], None]) -> Target | None:
        """The event *seq*, NO_MESSAGE for one that cannot be referred to.

        None where it is older than what is remembered: the mailbox waits, *again* is called when
        the store has told.
        """
        target = self.state.target(seq)
        if target is not None:
            return target
        if not 0 < seq <= self.state.durable.seq:
            return NO_MESSAGE

        def answer(found: Target | None) -> None:
            self.state.remember_target(seq, found or NO_MESSAGE)
            again()

        key = (self.state.room_no, seq)
        self.ask(self.around.questions.targets, key, command, answer, hold=True)
        return None

    def settle(self) -> None:
        """Submit what gathered, unless a batch is in flight; hold the mailbox when it is much."""
        if self._flight is None and (self._pending or self._reads):
            most = self.MOST_IN_FLIGHT
            self._flight = Flight(self._pending[:most], self._reads, self._marks)
            self._shown = 0
            self._pending, self._reads, self._marks = self._pending[most:], [], {}
            self.around.journal.submit(self._batch(self._flight), self._committed)
        full = len(self._pending) + len(self._reads) >= self.MOST_PENDING
        if full and not self._full:
            self.context.hold()
        elif self._full and not full:
            self.context.release()
        self._full = full

    def ask(
        self,
        question: Batcher[K, V],
        key: K,
        command: RoomCommand,
        answer: Callable[[V | None], None],
        *,
        hold: bool = False,
    ) -> None:
        """Ask the store before *command* is answered; without the store it is refused.

        With *hold* the mailbox waits too: the answer may change what later commands meet.
        """

        def answered(found: V | AdapterError | None) -> None:
            del self._asked[id(command)]
            if hold:
                self.context.release()
            if isinstance(found, AdapterError):
                refuse_with_code(command, ErrorCode.UNAVAILABLE)
            else:
                answer(found)

        if len(self._asked) >= self.MOST_ASKED:
            refuse_with_code(command, ErrorCode.UNAVAILABLE)
            return
        if hold:
            self.context.hold()
        self._asked[id(command)] = command
        question.ask(key, self.guard(answered))

    def idle(self) -> bool:
        """Nothing pending, in flight or asked."""
        return self._flight is None and not (self._pending or self._reads or self._asked)

    def commands(self) -> list[RoomCommand]:
        """Every command without an answer, oldest first."""
        flying = self._flight.commands(self._shown) if self._flight else []
        gathered = Flight(self._pending, self._reads, {}).commands()
        return [*flying, *gathered, *self._asked.values()]

    def _batch(self, flight: Flight) -> Batch:
        cursors: dict[int, int] = {}
        batch = Batch(self.state.room_no, self.state.epoch, [], [], cursors, [])
        batch.marks.extend(flight.marks.items())
        for read in flight.reads:
            if isinstance(read, MarkRead):
                self._put_cursor(batch, read.origin.user_no, read.frame)
        for pending in flight.pending:
            event = pending.event
            batch.events.append(event)
            if event.kind is EventKind.MESSAGE:
                _raise(cursors, event.sender_no, event.seq)
            for user_no in pending.mentioned:
                batch.mentions.append((user_no, event.seq))
            for place, file in enumerate(pending.files):
                batch.files.append((event.seq, place, file.file_no, file.info.id))
            if pending.move is not None:
                batch.moves.append(pending.move)
        return batch

    def _put_cursor(self, batch: Batch, user_no: int, frame: Read) -> None:
        if frame.thread is not None:
            batch.thread_cursors.append((user_no, frame.thread, frame.seq))
            return
        _raise(batch.cursors, user_no, frame.seq)
        member = self.state.members.get(user_no)
        if member is not None and frame.seq > member.read_seq and self.state.shows(member):
            batch.reads.append((user_no, frame.seq, self.now()))

    def show_room(self, member: Member) -> None:
        """Give the devices of *member* the room as it is now."""
        room = self.state.room
        if not member.present:
            return
        frame: Room | None = None
        for session in self.around.sessions.every(member.user_id):
            if room in session.rooms and not self.audience.knows(session):
                session.changed |= {room}  # not announced yet
            elif room in session.rooms:
                frame = frame or self.state.room_frame(
                    member, self.state.durable.seq, now=self.now()
                )
                session.offer(frame)  # in its order: it tells what later events may take back

    # ---- after the commit

    def _on_outcome(self, outcome: Outcome) -> None:
        flight = self._flight
        if flight is None:
            return
        match outcome:
            case Verdict.STORED:
                self._show(flight)
                self._flight = None
                self._go_on()
            case Verdict.DUPLICATE:
                self._look_up(flight)
            case Verdict.STALE | Lost.UNKNOWN:
                self.context.end()  # the next claim tells what was stored
            case Verdict.REFUSED:
                self._give_up(ErrorCode.INTERNAL)
            case Lost.UNAVAILABLE:
                self._give_up(ErrorCode.UNAVAILABLE)

    def _show(self, flight: Flight) -> None:
        for self._shown, pending in enumerate(flight.pending):
            self.state.made_durable(pending)
            self.shown(pending)
            for command in pending.agreed:
                confirm_nothing(command)
        for read in flight.reads:
            self.was_read(read)
        for user_no, seq in flight.marks.items():
            self.was_marked(user_no, seq)

    def _go_on(self) -> None:
        later, self._later = self._later, []
        for command, again in later:
            del self._asked[id(command)]
            self.context.release()
            again()

    def _give_up(self, code: ErrorCode) -> None:
        """Nothing was stored: refuse it all and start anew from what is."""
        commands = self.commands()
        self._flight, self._pending, self._reads, self._asked = None, [], [], {}
        self._marks = {}
        for command in commands:
            refuse_with_code(command, code)
        self.context.end()

    # ---- a send that was stored before

    def _look_up(self, flight: Flight) -> None:
        """The store knows some of these ids: ask which, before anything gets a seq again."""
        posts = [pending for pending in flight.pending if isinstance(pending.command, Post)]
        if not posts:
            self.context.end()  # a seq was taken: somebody else wrote here
            return
        found: dict[int, Sent] = {}
        answers = iter(range(len(posts) - 1, -1, -1))  # counts down to 0

        def answer(pending: Pending, sent: Sent | AdapterError | None) -> None:
            if isinstance(sent, AdapterError):
                self._give_up(ErrorCode.UNAVAILABLE)
                return
            if sent is not None:
                found[pending.event.seq] = sent
            if next(answers) == 0:
                self._renumber(flight, found)

        self.context.hold()
        for pending in posts:
            key = SentKey(
                self.state.room_no, pending.event.sender_no, pending.event.client_id or ""
            )
            self.around.questions.sent.ask(
                key, self.guard(lambda sent, pending=pending: answer(pending, sent))
            )

    def _renumber(self, flight: Flight, found: dict[int, Sent]) -> None:
        self.context.release()
        if not found:
            self.context.end()  # a seq was taken: somebody else wrote here
            return
        self._flight = None
        again = [(p, found[p.event.seq]) for p in flight.pending if p.event.seq in found]
        kept = [pending for pending in flight.pending if pending.event.seq not in found]
        self._pending, self._reads = kept + self._pending, flight.reads + self._reads
        self._marks = flight.marks | self._marks
        self.state.last.move_to(self.state.durable)
        for pending in self._pending:
            self._number(pending)
        for pending, sent in again:
            self._keep_mark(pending.event.sender_no)
            self._answer_again(pending, sent)

    def _keep_mark(self, user_no: int) -> None:
        """A message that was said before ends no mark, unless its sender says another."""
        member = self.state.members.get(user_no)
        says_more = any(pending.event.sender_no == user_no for pending in self._pending)
        if member is not None and not says_more and self._marks.get(user_no) == 0:
            del self._marks[user_no]
            if member.marked:
                self.state.marks[user_no] = member.marked

    def _number(self, pending: Pending) -> None:
        event, shown = pending.event, pending.shown
        countable = isinstance(pending.command, Post) and event.thread is None
        mark = self.state.advance(event.at, countable=countable)
        event.seq, event.at, event.countable = mark.seq, mark.at, mark.countable
        shown.seq, shown.at = mark.seq, mark.at
        if pending.move is not None:
            pending.move.seq = mark.seq

    def _answer_again(self, pending: Pending, sent: Sent) -> None:
        for command in pending.commands():
            if isinstance(command, Post):
                answer_known(command, sent)
                self.recent.put(command.origin.user_no, command.frame.id, sent)
            elif isinstance(command, Change | OfMembers | ChangeRoom):
                self.agree(command)  # with what is pending still


def _raise(cursors: dict[int, int], user_no: int, seq: int) -> None:
    if seq > cursors.get(user_no, 0):
        cursors[user_no] = seq
