"""Membership: who comes and goes, each as an event in the room's order."""

from __future__ import annotations

from actors.ports import EventKind, MemberMove, NewEvent
from actors.room_commands import AddMember, RemoveMember, confirm_change, refuse
from actors.room_log import RoomLog
from actors.room_sends import refuse_stranger
from actors.room_state import Member, Pending
from actors.rules import membership
from protocol.frames import Event, MemberChange, Role, RoomGone
from protocol.frames import Member as MemberEvent


class Membership:
    """Takes the membership commands of one room, and shows what came of them.

    A leaver is shown everything up to his ``left``, a joiner everything from his ``joined``.
    """

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state

    def add(self, command: AddMember) -> None:
        """Append ``joined``; nothing changes for one who is a member already."""
        asker = self._state.members.get(command.origin.user_no)
        if asker is None:
            refuse_stranger(self._log, command)
            return
        error = membership.add_refusal(self._state.type, asker.role)
        if error is not None:
            refuse(command, error)
        elif command.user_no in self._state.members:
            confirm_change(command)
        else:
            member = Member(command.user_no, command.user_id, "member", 0)
            pending = self._append(command, member, "joined", "member")
            member.read_seq = pending.event.seq
            member.read_countable = pending.event.countable
            self._state.add(member)

    def remove(self, command: RemoveMember) -> None:
        """Append ``left`` for oneself, ``kicked`` for somebody else."""
        asker = self._state.members.get(command.origin.user_no)
        if asker is None:
            refuse_stranger(self._log, command)
            return
        target = self._state.members.get(self._state.no_by_user.get(command.user_id, 0))
        error = membership.remove_refusal(
            self._state.type, asker=asker, target=target, members=self._state.members.values()
        )
        if target is None or error is not None:
            refuse(command, error or membership.nobody())
            return
        self._append(command, target, "left" if target is asker else "kicked", None)
        self._state.remove(target)

    def _append(
        self,
        command: AddMember | RemoveMember,
        member: Member,
        change: MemberChange,
        role: Role | None,
    ) -> Pending:
        says: dict[str, str] = {"user": member.user_id, "change": change}
        if role is not None:
            says["role"] = role
        if member.user_no != command.origin.user_no:
            says["by"] = command.origin.user_id

        def show(event: NewEvent) -> Event:
            return MemberEvent(room=self._state.room, seq=event.seq, at=event.at, **says)  # type: ignore[arg-type]

        return self._log.append(
            command,
            EventKind.MEMBER,
            show,
            extra=says,
            target=member,
            move=lambda seq: MemberMove(member.user_no, role, seq),
        )

    def show(self, pending: Pending, member: Member) -> None:
        """Publish a durable change; the audience changes with it."""
        room, around = self._state.room, self._log.around
        joined = pending.move is not None and pending.move.role is not None
        devices = around.sessions.of(member.user_id)
        if joined:
            member.read_seq = pending.event.seq
            for session in devices:
                session.offer(self._state.room_frame(member, pending.event.seq))
                self._log.audience.join(session, pending.event.seq - 1)
        self._log.audience.publish(pending.shown)
        if not joined:
            for session in devices:
                session.offer(RoomGone(room=room, reason=getattr(pending.shown, "change", "left")))
                self._log.audience.leave(session)
        around.moved(member.user_id, room, joined)
        if isinstance(pending.command, AddMember | RemoveMember):
            confirm_change(pending.command, pending.event.seq, pending.event.at)
