"""Cursors of threads: how far members have read in them. What is unread the store counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from actors.ports import AdapterError
from actors.records import HIGHEST_SEQ, ThreadCount, ThreadKey
from actors.room_commands import MarkRead, TellCount, confirm, refuse
from actors.room_log import RoomLog
from actors.room_state import Member
from actors.rules.sending import invalid
from protocol.frames import Unread


class Threads:
    """Moves cursors, forward only, and tells those who take part what that or a deletion changed.

    A message is told of to nobody: clients count those themselves.
    """

    MOST = 1024  # cursors known without a look into the store
    AGAIN_S = 0.5  # until what failed is asked for again

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state
        self._read: dict[tuple[int, int], int] = {}  # (user_no, root): durable
        self._counting: set[tuple[int, int]] = set()  # the same, of what the store is asked

    def take(self, command: MarkRead, root: int, again: Callable[[], None]) -> None:
        """Have the cursor stored, or say why not; *again* is called once the store has told."""
        target = self._log.find(root, command, again)
        if target is None:
            return
        if target.thread != 0:
            refuse(command, invalid("thread", "no message that has a thread"))
            return
        user_no = command.origin.user_no
        known = self._read.get((user_no, root))
        if known is None:
            self._look_up(command, root, again)
        elif command.frame.seq <= known:
            confirm(command)
        else:
            self._log.read(command)

    def moved(self, member: Member, root: int, seq: int) -> None:
        """The cursor is durable: tell the reader's devices what it changed."""
        since = self._read.get((member.user_no, root), 0)
        if seq > since:
            self._remember(member.user_no, root, seq)
            self._count(member, root, since, lambda count: count.read > 0)

    def tell(self, member: Member, root: int) -> None:
        """Show *member* what is unread in the thread."""
        self._count(member, root, HIGHEST_SEQ, lambda _: True)

    def sent(self, member: Member, root: int, seq: int) -> None:
        """*member* wrote in the thread: he has read it up to there."""
        if (member.user_no, root) in self._read:
            self._remember(member.user_no, root, seq)

    def recount(self, root: int, of: int) -> None:
        """The reply *of* was deleted or restored: all who take part are told their counts."""

        def answer(found: Sequence[int] | AdapterError | None) -> None:
            if isinstance(found, AdapterError):
                self._log.call_later(self.AGAIN_S, lambda: self.recount(root, of))
                return
            for user_no in found or ():
                member = self._state.members.get(user_no)
                if member is not None and self._log.around.sessions.every(member.user_id):
                    self.tell(member, root)

        key = (self._state.room_no, root)
        self._log.around.questions.participants.ask(key, self._log.guard(answer))

    def owed(self) -> list[TellCount]:
        """What the store was still counting."""
        return [TellCount(*each) for each in sorted(self._counting)]

    def _look_up(self, command: MarkRead, root: int, again: Callable[[], None]) -> None:
        user_no = command.origin.user_no

        def answer(count: ThreadCount | None) -> None:
            self._remember(user_no, root, 0 if count is None else count.read_seq)
            again()

        key = ThreadKey(self._state.room_no, root, user_no, self._state.durable.seq, HIGHEST_SEQ)
        self._log.ask(self._log.around.questions.thread_counts, key, command, answer)

    def _remember(self, user_no: int, root: int, seq: int) -> None:
        known = self._read.pop((user_no, root), 0)
        self._read[user_no, root] = max(known, seq)
        if len(self._read) > self.MOST:
            del self._read[next(iter(self._read))]

    def _count(
        self, member: Member, root: int, since: int, told: Callable[[ThreadCount], bool]
    ) -> None:
        """Count what is unread as of now, and show it to *member* where *told* says so."""
        upto = self._state.durable.seq
        self._counting.add((member.user_no, root))

        def answer(count: ThreadCount | AdapterError | None) -> None:
            self._counting.discard((member.user_no, root))
            if self._state.members.get(member.user_no) is not member or count is None:
                return
            if isinstance(count, AdapterError):
                again = partial(self._count, member, root, since, told)
                self._log.call_later(self.AGAIN_S, again)
            elif told(count):
                self._show(member, root, count, upto)

        key = ThreadKey(self._state.room_no, root, member.user_no, upto, since)
        self._log.around.questions.thread_counts.ask(key, self._log.guard(answer))

    def _show(self, member: Member, root: int, count: ThreadCount, upto: int) -> None:
        room = self._state.room
        frame = Unread(
            room=room,
            unread=count.unread,
            mentions=count.mentions,
            upto=count.read_seq,
            last_seq=upto,
            thread=root,
        )
        for session in self._log.around.sessions.every(member.user_id):
            session.offer_state(("unread", room, root), frame)
