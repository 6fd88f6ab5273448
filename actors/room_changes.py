"""Changes of messages: edits, deletions, reactions and pins, each an event in the room's order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from actors.records import EventKind, MarkKey, NewEvent, StoredEvent, Target, Withdrawn
from actors.room_commands import Change, RoomCommand, confirm, refuse, refuse_with_code
from actors.room_cursors import Cursors
from actors.room_log import RoomLog
from actors.room_marks import Marks
from actors.room_sends import refuse_stranger
from actors.room_state import Pending
from actors.rules import changing
from actors.rules.changing import Restore
from actors.rules.event_frames import (
    PinnedExtra,
    ReactionExtra,
    frame_of,
    restored_extra,
    written,
)
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Delete, Edit, Pin, React
from protocol.limits import RESTORE_WITHIN_S


class Changes:
    """Takes the changes of one room's messages, and shows what came of them.

    What a message is, deleted or reacted to, is known as of the last command taken, so that two
    commands in hand cannot both do what only one can.
    """

    MOST_BODIES = 1024  # messages of which it is remembered what they say

    def __init__(self, log: RoomLog, cursors: Cursors) -> None:
        self._log, self._state, self._cursors = log, log.state, cursors
        self._marks = Marks(log)
        self._bodies: dict[int, int] = {}  # by seq, a hash: the bodies themselves may be long

    def take(self, command: Change) -> None:
        """Refuse, find that nothing changes, or append."""
        member = self._state.members.get(command.origin.user_no)
        if member is None:
            refuse_stranger(self._log, command)
            return
        frame, archived = command.frame, self._state.archived_refusal()
        if archived is not None:
            refuse(command, archived)
            return
        target = self._log.find(frame.seq, command, lambda: self.take(command))
        if target is None:
            return
        if target.thread < 0:
            refuse(command, ProtocolError(ErrorCode.NOT_FOUND, "no message of this room"))
            return
        error = changing.refusal(
            frame,
            room_type=self._state.type,
            role=member.role,
            mine=target.sender_no == member.user_no,
            deleted=target.deleted,
        )
        if self._state.blocks and error is None:
            error = changing.parted_refusal(
                frame,
                room_type=self._state.type,
                apart=self._state.blocks.between(member.user_no, target.sender_no),
            )
        if error is not None:
            refuse(command, error)
        else:
            self._change(command, target)

    def settled(self, command: RoomCommand) -> bool:
        """Confirm a leftover change that turns out to be durable; False for everything else."""
        if not isinstance(command, Change) or (event := self._log.stored(command)) is None:
            return False
        confirm(command, event.seq, event.at)
        if event.kind is EventKind.DELETED:
            self._log.audience.blank(command.frame.seq)
        if event.kind in (EventKind.DELETED, EventKind.RESTORED):
            self._cursors.show_counts(command.frame.seq)
            if event.thread is not None:
                self._cursors.threads.recount(event.thread, command.frame.seq)
        return True

    def show(self, pending: Pending, command: Change) -> None:
        """A change is durable: confirm it, show it, and count anew what is unread."""
        event, of = pending.event, command.frame.seq
        confirm(command, event.seq, event.at)
        self._log.audience.publish(pending.shown)
        if event.kind is EventKind.DELETED:
            self._log.audience.blank(of)
        if event.kind in (EventKind.DELETED, EventKind.RESTORED):
            deleted = event.kind is EventKind.DELETED
            self._cursors.recount(of, countable=event.thread is None, deleted=deleted)
            if event.thread is not None:
                self._cursors.threads.recount(event.thread, of)

    # ---- one by one

    def _change(self, command: Change, target: Target) -> None:
        append = partial(self._append, command, target)
        match command.frame:
            case Edit():
                self._edit(command, command.frame, target)
            case Delete() if target.deleted:
                self._log.agree(command)
            case Delete():
                append(EventKind.DELETED)
            case Restore() if not target.deleted:
                self._log.agree(command)
            case Restore(seq=seq) if self._log.is_changing(seq):
                self._log.wait(command, lambda: self.take(command))
            case Restore():
                self._restore(command, target)
            case React() | Pin():
                self._toggle(command, append)

    def _toggle(self, command: Change, append: Callable[..., None]) -> None:
        room_no, frame = self._state.room_no, command.frame
        if isinstance(frame, React):
            key = MarkKey(room_no, frame.seq, command.origin.user_no, frame.emoji)
            extra = written(ReactionExtra(frame.emoji, frame.on))
            self._marks.set(
                key, frame.on, command, partial(append, EventKind.REACTION, extra=extra)
            )
        elif isinstance(frame, Pin):
            extra = written(PinnedExtra(frame.on))
            key = MarkKey(room_no, frame.seq)
            self._marks.set(key, frame.on, command, partial(append, EventKind.PINNED, extra=extra))

    def _edit(self, command: Change, frame: Edit, target: Target) -> None:
        """Append, unless it says so already: an edit that is sent again is one event."""

        def answer(body: str | None) -> None:
            self._remember(frame.seq, body or "")
            self._edit(command, frame, target)

        known, seq = self._bodies.get(frame.seq), frame.seq
        if known is None and self._log.is_changing(seq):
            self._log.wait(command, lambda: self.take(command))
        elif known is None:
            key = (self._state.room_no, seq)
            self._log.ask(self._log.around.questions.bodies, key, command, answer, hold=True)
        elif known == hash(frame.body):
            self._log.agree(command)
        else:
            self._append(command, target, EventKind.UPDATED, body=frame.body)

    def _remember(self, seq: int, body: str) -> None:
        self._bodies.pop(seq, None)
        self._bodies[seq] = hash(body)
        if len(self._bodies) > self.MOST_BODIES:
            del self._bodies[next(iter(self._bodies))]

    def _restore(self, command: Change, target: Target) -> None:
        """The body that is to be there again, and whether it is too late, the store tells."""

        def answer(found: Withdrawn | None) -> None:
            late = found is None or self._log.now() > found.at + RESTORE_WITHIN_S * 1000
            if found is None or late:
                refuse_with_code(command, ErrorCode.GONE)
            else:
                extra = restored_extra(found)
                self._append(command, target, EventKind.RESTORED, body=found.body, extra=extra)

        key = (self._state.room_no, command.frame.seq)
        self._log.ask(self._log.around.questions.withdrawn, key, command, answer, hold=True)

    def _append(
        self,
        command: Change,
        target: Target,
        kind: EventKind,
        *,
        body: str | None = None,
        extra: str | None = None,
    ) -> None:
        origin, state, of = command.origin, self._state, command.frame.seq
        mark = state.advance(self._log.now(), countable=False)
        event = NewEvent(
            mark.seq,
            mark.at,
            kind,
            origin.user_no,
            mark.countable,
            body=body,
            thread=target.thread or None,
            extra=extra,
            of=of,
        )
        if kind in (EventKind.DELETED, EventKind.RESTORED):
            target.deleted = kind is EventKind.DELETED
            state.remember_target(of, target)
        if body is not None:
            self._remember(of, body)
        command.event = event
        sender = state.shown(origin.user_no, origin.user_id)
        shown = frame_of(state.room, StoredEvent(event, sender))
        self._log.append(Pending(event, shown, command))
