"""Membership: who comes and goes, each as an event in the room's order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import UNSET

from actors.ports import Session
from actors.records import EventKind, MemberMove, NewEvent, StoredEvent
from actors.room_commands import (
    AddMember,
    ChangeRole,
    Meet,
    Mute,
    OfMembers,
    RemoveMember,
    Reveal,
    RoomCommand,
    ShowReading,
    confirm_change,
    refuse,
)
from actors.room_log import RoomLog
from actors.room_sends import refuse_stranger
from actors.room_state import Member, Pending
from actors.rules import membership
from actors.rules.event_frames import MemberExtra, frame_of, written
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Member as MemberEvent
from protocol.fields import MemberChange, Role
from protocol.frames import Gap, RoomGone
from protocol.ids import UserId


class Membership:
    """Takes the membership commands of one room, and shows what came of them.

    A leaver is shown everything up to his ``left``, a joiner everything from his ``joined``.
    """

    RESIZE_S = 5.0  # so often all are told at most, however fast some come and go

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state
        self._resizing = False

    def take(self, command: OfMembers) -> None:
        """Refuse, find that nothing changes, or append."""
        match command:
            case AddMember():
                self._add(command)
            case RemoveMember():
                self._remove(command)
            case ChangeRole():
                self._change_role(command)
            case Reveal():
                self._reveal(command)

    def _add(self, command: AddMember) -> None:
        """Append ``joined``; nothing changes for one who is a member already."""
        state = self._state
        asker = state.members.get(command.origin.user_no)
        joins = command.user_no == command.origin.user_no
        may_join = joins and membership.may_join(state.type, state.summary.visibility)
        if asker is None and joins and membership.may_come_back(state.type):
            self._come_back(command)
            return
        if asker is None and not may_join:
            refuse_stranger(self._log, command)
            return
        error = state.archived_refusal()
        if asker is not None and not joins:
            error = error or membership.add_refusal(state.type, asker.role)
            error = error or self._apart(command)
        if error is not None:
            refuse(command, error)
        elif command.user_no in self._state.members:
            self._log.agree(command)
        else:
            self._join(command)

    def _apart(self, command: AddMember) -> ProtocolError | None:
        """Nobody is added by one he has a block with."""
        blocks = self._log.around.recent_blocks.amend(command.blocks, command.user_no)
        return ProtocolError(ErrorCode.BLOCKED) if command.origin.user_no in blocks else None

    def _learn_blocks(self, member: Member, blocks: Iterable[int]) -> None:
        """What the store said of a joiner's *blocks*, and what is different by now."""
        known = self._log.around.recent_blocks.amend(blocks, member.user_no)
        self._state.joins_with(member, known)

    def _join(self, command: AddMember) -> None:
        shown = self._state.shown(command.user_no, command.user_id)
        member = Member(command.user_no, command.user_id, "member", 0, shown=shown)
        member.receipts = command.receipts or self._state.blind
        self._append(command, member, "joined", "member")
        self._state.add(member)
        self._learn_blocks(member, command.blocks)

    def _come_back(self, command: AddMember) -> None:
        """Who was in it once may be in it again; the store knows, and nothing changes meanwhile."""

        def answer(former: bool | None) -> None:  # noqa: FBT001 - the port's answer
            error = self._state.archived_refusal()
            if not former:
                refuse(command, ProtocolError(ErrorCode.NOT_FOUND))
            elif error is not None:
                refuse(command, error)
            else:
                self._join(command)

        key = (self._state.room_no, command.user_no)
        self._log.ask(self._log.around.questions.former, key, command, answer, hold=True)

    def _named(self, name: str, asker: Member) -> Member | None:
        """The member *name*. Anybody may go by his own id, also where the room hides it."""
        if name == asker.user_id:
            return asker
        return self._state.members.get(self._state.no_by_name.get(name, 0))

    def _remove(self, command: RemoveMember) -> None:
        """Append ``left`` for oneself, ``kicked`` for somebody else."""
        asker = self._state.members.get(command.origin.user_no)
        if asker is None:
            refuse_stranger(self._log, command)
            return
        target = self._named(command.name, asker)
        error = membership.remove_refusal(
            self._state.type, asker=asker, target=target, members=self._state.members.values()
        )
        if target is not asker:
            error = self._state.archived_refusal() or error
        if target is None or error is not None:
            refuse(command, error or membership.nobody())
            return
        self._append(command, target, "left" if target is asker else "kicked", None)
        command.gone = target.user_id
        if target.user_no in self._state.marks:
            self._log.mark(target.user_no, 0)
        self._state.remove(target)

    def _change_role(self, command: ChangeRole) -> None:
        """Append ``role``; nothing changes for one who has it already."""
        asker = self._state.members.get(command.origin.user_no)
        if asker is None:
            refuse_stranger(self._log, command)
            return
        target = self._named(command.name, asker)
        error = self._state.archived_refusal() or membership.role_refusal(
            self._state.type,
            asker=asker,
            target=target,
            role=command.role,
            members=self._state.members.values(),
        )
        if target is None or error is not None:
            refuse(command, error or membership.nobody())
        elif target.role == command.role:
            self._log.agree(command)
        else:
            self._append(command, target, "role", command.role)
            target.role = command.role

    def _append(
        self,
        command: OfMembers,
        member: Member,
        change: MemberChange,
        role: Role | None,
    ) -> None:
        origin, state = command.origin, self._state
        sender = state.shown(origin.user_no, origin.user_id)
        by = UNSET if member.user_no == origin.user_no else sender
        says = MemberExtra(member.shown, change, UNSET if role is None else role, by)
        mark = state.advance(self._log.now(), countable=False)
        event = NewEvent(
            mark.seq,
            mark.at,
            EventKind.MEMBER,
            origin.user_no,
            mark.countable,
            extra=written(says),
        )
        shown = frame_of(state.room, StoredEvent(event, sender))
        move = None if change == "revealed" else MemberMove(member.user_no, role, mark.seq)
        command.event = event
        self._log.append(Pending(event, shown, command, move, member))

    def show(self, pending: Pending, member: Member) -> None:
        """Publish a durable change; the audience changes with it."""
        if isinstance(pending.command, ChangeRole | Reveal):
            self._show_change(pending, pending.command, member)
            return
        joined = pending.move is not None and pending.move.role is not None
        self._state.people += 1 if joined else -1
        if joined:
            self._begin(member, pending.event)
        self._log.audience.publish(pending.shown)
        if not joined:
            reason = getattr(pending.shown, "change", "left")
            for session in self._log.around.sessions.told(member.user_id, self._state.room):
                self._part(session, reason)
        self._log.moved(member.user_id, inside=joined)
        self._note_size()
        if isinstance(pending.command, AddMember | RemoveMember):
            confirm_change(pending.command, pending.event.seq, pending.event.at)

    def _show_change(self, pending: Pending, command: ChangeRole | Reveal, member: Member) -> None:
        self._log.audience.publish(pending.shown)
        if isinstance(command, ChangeRole):
            self._log.show_room(member)
        confirm_change(command, pending.event.seq, pending.event.at)

    def _reveal(self, command: Reveal) -> None:
        """Append ``revealed``, once for each two: that they agreed the asker has made sure."""
        asker = self._state.members.get(command.origin.user_no)
        if asker is None:
            refuse_stranger(self._log, command)
            return
        other = self._named(command.name, asker)
        if other is None or other is asker or not self._state.blind:
            refuse(command, membership.nobody())
        elif (pair := frozenset((asker.shown, other.shown))) in self._state.revealed:
            self._log.agree(command)
        else:
            self._append(command, other, "revealed", None)
            self._state.revealed.add(pair)

    def note(self, command: Mute | ShowReading) -> None:
        """What a member chose is stored already."""
        if isinstance(command, Mute):
            self._mute(command)
        else:
            self._show_reading(command)

    def _mute(self, command: Mute) -> None:
        """What is stored already: show it to the member's own devices."""
        member = self._state.members.get(command.user_no)
        if member is not None:
            member.muted_until = command.until
            self._log.show_room(member)

    def _show_reading(self, command: ShowReading) -> None:
        """What is stored already holds from here on; the member's own devices see it at once."""
        member = self._state.members.get(command.user_no)
        if member is not None and not self._state.blind:
            member.receipts = command.on
            self._log.show_room(member)

    def meet(self, command: Meet) -> None:
        """Let one follow who opened while his membership changed; what he missed is a gap."""
        session, member = command.session, self._state.members.get(command.session.user_no)
        if session.gone:
            return
        if member is not None and member.present:
            if self._enter(member, [session], self._state.durable.seq):
                self._log.moved(member.user_id, inside=True)
            if command.seen is not None and command.seen < self._state.durable.seq:
                first, last = command.seen + 1, self._state.durable.seq
                session.offer(Gap(room=self._state.room, from_=first, to=last))
        elif command.seen is not None:
            session.offer(RoomGone(room=self._state.room, reason="not_member"))

    # ---- a new incarnation

    def settled(self, command: RoomCommand) -> bool:
        """Confirm a leftover change that turns out to be durable; False for everything else."""
        if not isinstance(command, OfMembers) or (event := self._log.stored(command)) is None:
            return False
        user = _moved_by(command)
        if user is not None:
            self._log.around.sessions.told(user, self._state.room)
        confirm_change(command, event.seq, event.at)
        return True

    def part_strangers(self) -> None:
        """Whoever follows and is no member any more is shown the rest up to his leave."""
        for session, sent in self._log.audience.standings():
            if session.user_no not in self._state.members:
                last = self._last_change(self._state.shown(session.user_no, session.user_id))
                if last is not None and sent is not None:
                    self._show_up_to(session, sent, last.seq)
                self._part(session, last.change if last else "not_member")
                self._log.moved(session.user_id, inside=False)

    def enter_all(self) -> None:
        """Every member who is connected follows from here on, if he did not before."""
        for member in self._state.members.values():
            if self._enter(
                member, self._log.around.sessions.of(member.user_id), self._state.durable.seq
            ):
                self._log.moved(member.user_id, inside=True)
        self._note_size()

    def _note_size(self) -> None:
        """Tell everybody, in a while, where the room is crowded now or no longer."""
        audience, crowded = self._log.audience, self._state.crowded
        if audience.crowded is None:
            audience.crowded = crowded
        if (audience.unsettled or audience.crowded != crowded) and not self._resizing:
            self._resizing = audience.unsettled = True
            self._log.call_later(self.RESIZE_S, self._resize)

    def _resize(self) -> None:
        """Show the room to all in it, whatever each was told meanwhile."""
        audience = self._log.audience
        self._resizing, audience.unsettled, audience.crowded = False, False, self._state.crowded
        for member in [each for each in self._state.members.values() if each.present]:
            devices = self._log.around.sessions.told(member.user_id, self._state.room)
            self._know(session for session in devices if self._state.room in session.rooms)
            self._log.moved(member.user_id, inside=True)
            self._log.show_room(member)

    def _know(self, devices: Iterable[Session]) -> bool:
        """*devices* follow the room; whether that shows others to them changes for any."""
        room, known = self._state.room, not (self._state.blind or self._state.crowded)
        changed = [session for session in devices if (room in session.known_in) is not known]
        for session in changed:
            (session.known_in.add if known else session.known_in.discard)(room)
        return bool(changed)

    def _begin(self, member: Member, event: NewEvent) -> None:
        """*member* is in from *event* on, and has read all before it."""
        member.present, member.mentions = True, 0
        self._learn_blocks(member, self._state.blocks.get(member.user_no, ()))
        member.read_seq, member.read_countable = event.seq, event.countable
        devices = self._log.around.sessions.told(member.user_id, self._state.room)
        self._enter(member, devices, event.seq - 1)

    def _enter(self, member: Member, devices: Sequence[Session], last_seq: int) -> bool:
        """Show the room to those of *devices* that do not know of it; whether anything changes."""
        room = self._state.room
        new = [session for session in devices if room not in session.rooms]
        for session in new:
            session.rooms.add(room)
            session.offer(self._state.room_frame(member, last_seq, now=self._log.now()))
            self._log.audience.join(session, last_seq)
        return self._know(devices) or bool(new)

    def _part(self, session: Session, reason: str) -> None:
        room = self._state.room
        self._log.audience.leave(session)
        if room in session.rooms:
            session.rooms.discard(room)
            session.known_in.discard(room)
            session.offer(RoomGone(room=room, reason=reason))

    def _show_up_to(self, session: Session, sent: int, last: int) -> None:
        for event in self._state.tail_frames():
            if sent < event.seq <= last:
                session.offer(event)

    def _last_change(self, user: str) -> MemberEvent | None:
        """What the tail says of the membership of *user*, as the room names him."""
        tail = reversed(self._state.tail_frames())
        return next((e for e in tail if isinstance(e, MemberEvent) and e.user == user), None)


def _moved_by(command: OfMembers) -> UserId | None:
    """Who came or went by *command*, which was taken."""
    match command:
        case AddMember():
            return command.user_id
        case RemoveMember():
            return command.gone
        case _:
            return None
