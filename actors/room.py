"""The room actor: order, idempotency, membership and cursors of one room."""

from __future__ import annotations

from typing import assert_never

from actors.actor import Actor
from actors.blocks import Blocked
from actors.records import Claimed
from actors.registry import Context
from actors.room_changes import Changes
from actors.room_commands import (
    AddMember,
    Change,
    ChangeRole,
    ChangeRoom,
    MarkRead,
    Meet,
    Mute,
    OfMembers,
    Post,
    RemoveMember,
    Reveal,
    RoomCommand,
    SetMark,
    ShowReading,
    TellCount,
    Type,
    WatchHere,
    confirm,
    refuse,
)
from actors.room_cursors import Cursors
from actors.room_log import RoomLog
from actors.room_members import Membership
from actors.room_presence import BlindPresence
from actors.room_sends import Sends, refuse_stranger
from actors.room_settings import Settings
from actors.room_state import Pending
from actors.room_surroundings import Surroundings
from protocol.events import RoomChanged
from protocol.frames import TypingState

Rare = OfMembers | ChangeRoom | WatchHere | Mute | ShowReading | Meet | Blocked | TellCount


class RoomActor(Actor[RoomCommand]):
    """Sole writer of one room.

    Seqs are dense and start at 1. Nothing above the high-water mark ``durable`` is ever
    acknowledged or shown.
    """

    def __init__(
        self, claimed: Claimed, context: Context[RoomCommand], around: Surroundings
    ) -> None:
        self._log = RoomLog(self, claimed, context, around)
        self._sends = Sends(self._log)
        self._members = Membership(self._log)
        self._cursors = Cursors(self._log)
        self._changes = Changes(self._log, self._cursors)
        self._settings = Settings(self._log)
        self._presence = BlindPresence(self._log)
        self._log.shown, self._log.was_read = self._show, self._cursors.moved
        if self._log.state.blind:
            self._log.shown, self._log.was_read = self._show_active, self._moved_active
        self._log.was_marked = self._cursors.marked

    def started(self) -> None:
        """Bring the followers up to date, in what they are shown and in who they are."""
        log = self._log
        self._members.part_strangers()
        for session, sent in log.audience.resume(log.state.durable.seq, log.state.tail_frames()):
            log.around.replay(session, log.state.room, sent)
        self._members.enter_all()

    def retake(self, message: RoomCommand) -> None:
        """Answer what did commit; take the rest again."""
        parts = (self._sends, self._members, self._changes, self._settings, self._cursors)
        if not any(part.settled(message) for part in parts):
            self.receive(message)

    def receive(self, message: RoomCommand) -> None:
        """Check one command; what it changes joins the pending batch."""
        match message:  # busiest arm first
            case Post():
                self._sends.take(message)
            case MarkRead():
                self._cursors.take(message)
            case Change():
                self._changes.take(message)
            case Type():
                self._type(message)
            case SetMark():
                self._cursors.mark(message)
            case _:
                self._receive_rare(message)

    def _receive_rare(self, message: Rare) -> None:
        match message:
            case AddMember() | RemoveMember() | ChangeRole() | Reveal():
                self._members.take(message)
            case ChangeRoom():
                self._settings.take(message)
            case WatchHere():
                self._presence.watch(message)
            case Mute() | ShowReading():
                self._members.note(message)
            case Meet():
                self._members.meet(message)
            case Blocked():
                self._block(message)
            case TellCount():
                self._cursors.tell_owed(message)
            case _:
                assert_never(message)

    def _block(self, command: Blocked) -> None:
        """In a direct room what the other has read is shown no more, or again."""
        state = self._log.state
        state.put_block(command.pair, on=command.on)
        if state.type == "direct" and all(no in state.members for no in command.pair):
            for member in state.members.values():
                self._log.show_room(member)
        command.known.set(True)

    def settle(self) -> None:
        """Submit what gathered."""
        self._log.settle()

    def at_rest(self) -> bool:
        """Nothing pending or in flight, and nobody watching."""
        return self._log.idle() and not self._presence.is_watched()

    def leftovers(self) -> list[RoomCommand]:
        """Every command without an answer, oldest first; who watches, and who is owed a count."""
        return [*self._log.commands(), *self._presence.leftovers(), *self._cursors.owed()]

    def _show(self, pending: Pending) -> None:
        """One event is durable: acknowledge it, then show it."""
        if pending.target is not None:
            self._members.show(pending, pending.target)
            return
        if isinstance(pending.command, Change):
            self._changes.show(pending, pending.command)
            return
        if isinstance(pending.command, ChangeRoom) and isinstance(pending.shown, RoomChanged):
            self._settings.show(pending, pending.command, pending.shown)
            return
        self._sends.durable(pending)
        self._log.audience.publish(pending.shown)
        self._after_message(pending)

    def _show_active(self, pending: Pending) -> None:
        self._show(pending)
        self._presence.active(pending.event.sender_no)

    def _moved_active(self, command: MarkRead | SetMark) -> None:
        self._cursors.moved(command)
        if isinstance(command, MarkRead):
            self._presence.active(command.origin.user_no)

    def _after_message(self, pending: Pending) -> None:
        """Mentions count for those who are meant; the sender has read what he wrote."""
        event, members, meant = pending.event, self._log.state.members, pending.mentioned
        if meant:
            for member in members.values():
                if member.present and (0 in meant or member.user_no in meant):
                    member.mentions += 1
        if self._log.state.blocks and event.extra is not None:
            self._cursors.tell(self._log.state.blocks.get(event.sender_no, ()))
        sender = members.get(event.sender_no)
        if sender is not None:
            self._cursors.sent(sender, countable=event.thread is None)
            if event.thread is not None:
                self._cursors.threads.sent(sender, event.thread, event.seq)

    def _type(self, command: Type) -> None:
        """Typing is shown to the others at once and never stored; in large rooms to nobody."""
        origin, room, log = command.origin, self._log.state.room, self._log
        member = log.state.members.get(origin.user_no)
        if member is None:
            refuse_stranger(log, command)
            return
        apart = log.state.parted_refusal() if log.state.blocks else None
        if apart is not None:
            refuse(command, apart)
            return
        if log.state.crowded:
            confirm(command)
            return
        others = [session for session in log.audience.live if session.user_no != origin.user_no]
        typing = TypingState(room=room, user=member.shown, on=command.frame.on)
        log.around.fan_out(others, typing, ("typing", room, member.shown))
        self._presence.active(origin.user_no)
        confirm(command)
