"""Read cursors: how far each member has read, and what that leaves unread."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from actors.ports import AdapterError, Session
from actors.records import Count, CountKey
from actors.room_commands import MarkRead, RoomCommand, SetMark, TellCount, confirm, refuse
from actors.room_log import RoomLog
from actors.room_sends import refuse_stranger
from actors.room_state import Member
from actors.room_threads import Threads
from actors.rules import sending
from protocol.frames import Receipt, Unread
from protocol.limits import MARK_BACK_MOST


class Cursors:
    """Moves cursors, forward only. Unread is derived from them and never stored."""

    AGAIN_S = 0.5  # until a count that failed is asked for again

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state
        self.threads = Threads(log)

    def take(self, command: MarkRead) -> None:
        """Have the cursor stored, or say why it does not move."""
        frame = command.frame
        member = self._state.members.get(command.origin.user_no)
        if member is None:
            refuse_stranger(self._log, command)
        elif frame.seq > self._state.durable.seq:
            refuse(command, sending.invalid("seq", "above the last event of this room"))
        elif frame.thread is not None:
            self.threads.take(command, frame.thread, lambda: self.take(command))
        else:
            self._end_mark(member, frame.seq)
            waits = self._state.marks.get(member.user_no, 0) != member.marked
            if waits or frame.seq > member.read_seq:
                self._log.read(command)
            else:
                confirm(command)

    def settled(self, command: RoomCommand) -> bool:
        """A leftover read turns out to be durable: say what it changed, which nobody was told."""
        if not isinstance(command, MarkRead | SetMark):
            return False
        member = self._state.members.get(command.origin.user_no)
        if member is None:
            return False
        if isinstance(command, SetMark):
            return self._mark_settled(command, member)
        return self._read_settled(command, member)

    def _read_settled(self, command: MarkRead, member: Member) -> bool:
        frame, marked = command.frame, self._state.marks.get(member.user_no, 0)
        if frame.thread is not None:
            self.threads.tell(member, frame.thread)
            return False
        if frame.seq > member.read_seq or 0 < marked <= frame.seq:
            return False
        confirm(command)
        self._show_receipt(member)
        self._show_count(member)
        return True

    def _mark_settled(self, command: SetMark, member: Member) -> bool:
        """What the member said after it ended the mark: that is not set again."""
        if not 0 < command.after < member.read_seq:
            return False
        confirm(command)
        self._show_count(member)
        return True

    def owed(self) -> list[TellCount]:
        """What the store was still counting: the next incarnation tells it."""
        members = self._state.members.values()
        return [
            *(TellCount(member.user_no) for member in members if member.counting),
            *self.threads.owed(),
        ]

    def tell_owed(self, command: TellCount) -> None:
        """Show what is unread to those who are owed it."""
        member = self._state.members.get(command.user_no)
        if member is not None and command.root is None:
            self._show_count(member)
        elif member is not None and command.root is not None:
            self.threads.tell(member, command.root)

    def tell(self, users: Iterable[int]) -> None:
        """A client counts each mention that it is shown; those of *users* did not count."""
        for user_no in users:
            member = self._state.members.get(user_no)
            if member is not None:
                self._show_count(member)

    def mark(self, command: SetMark) -> None:
        """Have the mark stored, or taken back. It moves no cursor."""
        member, seq = self._state.members.get(command.origin.user_no), command.frame.seq or 0
        if member is None:
            refuse_stranger(self._log, command)
        elif seq > self._state.durable.seq:
            refuse(command, sending.invalid("seq", "above the last event of this room"))
        elif 0 < seq <= self._state.durable.seq - MARK_BACK_MOST:
            why = f"at most {MARK_BACK_MOST} events back"
            refuse(command, sending.invalid("seq", why))
        elif seq == member.marked == self._state.marks.get(member.user_no, 0):
            confirm(command)
            self._show_count(member)
        else:
            command.after = self._state.last.seq
            self._log.mark(member.user_no, seq)
            self._log.read(command)

    def _end_mark(self, member: Member, seq: int) -> None:
        """To read up to *seq* ends a mark up to there."""
        if 0 < self._state.marks.get(member.user_no, 0) <= seq:
            self._log.mark(member.user_no, 0)

    def marked(self, user_no: int, seq: int) -> None:
        """The mark is durable, or gone (0): what is unread from there or from the cursor on."""
        member = self._state.members.get(user_no)
        if member is not None and member.present and member.marked != seq:
            member.marked = seq
            self._count(member)

    def moved(self, command: MarkRead | SetMark) -> None:
        """The cursor is durable: ``ok``, a receipt for the room, the count for the reader."""
        confirm(command)
        if isinstance(command, SetMark):
            return
        member = self._state.members.get(command.origin.user_no)
        seq = command.frame.seq
        if member is not None and command.frame.thread is not None:
            self.threads.moved(member, command.frame.thread, seq)
            return
        if member is None or seq <= member.read_seq:
            return
        before = self.unread(member), member.mentions
        member.read_seq = seq
        self._show_receipt(member)
        if member.marked:
            return  # what is unread, the mark says
        if seq < self._state.durable.seq:
            self._count(member)
            return
        member.counting = None
        member.read_countable, member.mentions = self._state.durable.countable, 0
        if before[0] > 0 or before[1] > 0:
            self._show_count(member)

    def sent(self, member: Member, *, countable: bool) -> None:
        """*member*'s own message is the last durable event: his cursor is at it."""
        durable = self._state.durable
        before = durable.countable - countable - member.read_countable
        member.read_seq, member.read_countable = durable.seq, durable.countable
        member.marked, member.counting = 0, None
        mentions, member.mentions = member.mentions, 0
        if before > 0 or mentions > 0:
            self._show_count(member)

    def recount(self, of: int, *, countable: bool, deleted: bool) -> None:
        """The message *of* was deleted, and counts for nobody, or restored, and counts again.

        Whom it mentions the store knows: it is asked about those whose count that may change.
        """
        for member in self._state.members.values():
            if not member.present or member.counted_from >= of:
                continue
            if countable and not member.marked:
                member.read_countable += 1 if deleted else -1
            if member.marked or member.mentions or member.counting or not deleted:
                self._count(member)
            elif countable:
                self._show_count(member)

    def show_counts(self, of: int) -> None:
        """The message *of* was deleted or restored unseen: show its readers what counts now."""
        for member in self._state.members.values():
            if member.present and member.counted_from < of:
                self._show_count(member)

    def unread(self, member: Member) -> int:
        """Countable messages above the member's cursor, or from his mark on."""
        return self._state.durable.countable - member.read_countable

    def _count(self, member: Member) -> None:
        """The cursor or the mark is inside the log: the store counts what is above it.

        What comes or is deleted while it counts is above ``upto``: that is added to its answer.
        Only the last that was asked is answered.
        """
        mentions, countable = member.mentions, member.read_countable
        upto = self._state.durable.seq
        key = CountKey(self._state.room_no, member.user_no, member.counted_from, upto)
        member.counting = key

        def answer(count: Count | AdapterError | None) -> None:
            present = self._state.members.get(member.user_no) is member
            if not present or count is None or member.counting is not key:
                return
            if isinstance(count, AdapterError):
                self._log.call_later(self.AGAIN_S, lambda: self._count(member))
                return
            member.counting = None
            member.read_countable += count.countable - countable
            member.mentions += count.mentions - mentions
            self._show_count(member)

        self._log.around.questions.counts.ask(key, self._log.guard(answer))

    def _show_count(self, member: Member) -> None:
        frame = Unread(
            room=self._state.room,
            unread=self.unread(member),
            mentions=member.mentions,
            upto=member.read_seq,
            last_seq=self._state.durable.seq,
            marked=member.marked or UNSET,
        )
        for session in self._log.around.sessions.every(member.user_id):
            session.offer_state(("unread", self._state.room), frame)

    def _show_receipt(self, member: Member) -> None:
        members, live = self._state.members, self._log.audience.live
        if self._state.crowded:
            return
        if self._state.parted_refusal() is not None:
            live = dict.fromkeys(each for each in live if each.user_no == member.user_no)
        hidden = {other.user_no for other in members.values() if not other.receipts}
        shown = [each for each in live if self._sees(each, member, hidden)] if hidden else live
        frame = Receipt(room=self._state.room, user=member.shown, upto=member.read_seq)
        key = ("receipt", self._state.room, member.shown)
        self._log.around.fan_out(shown, frame, key)

    @staticmethod
    def _sees(session: Session, member: Member, hidden: set[int]) -> bool:
        """Whether *session* is shown what *member* has read; his own devices are."""
        if session.user_no == member.user_no:
            return True
        return member.receipts and session.user_no not in hidden
