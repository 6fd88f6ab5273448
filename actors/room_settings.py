"""What is said of a room itself: its name, description and metadata, who sees it, who may
send, and whether it is archived."""

from __future__ import annotations

from msgspec import UNSET, structs

from actors.records import EventKind, NewEvent, StoredEvent
from actors.room_commands import ChangeRoom, RoomCommand, confirm_change, refuse
from actors.room_log import RoomLog
from actors.room_sends import refuse_stranger
from actors.room_state import Pending, Setting
from actors.rules.event_frames import RoomExtra, frame_of, written
from actors.rules.permissions import Action, may
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import RoomChanged

ACTION = {
    "name": Action.DESCRIBE,
    "description": Action.DESCRIBE,
    "visibility": Action.SHOW,
    "archived": Action.ARCHIVE,
    "post": Action.SHOW,
    "metadata": Action.DESCRIBE,
}


class Settings:
    """Takes the changes of one room, each an event in its order."""

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state

    def take(self, command: ChangeRoom) -> None:
        """Refuse, find that nothing changes, or append."""
        member = self._state.members.get(command.origin.user_no)
        if member is None:
            refuse_stranger(self._log, command)
            return
        different = self._different(command.changes)
        for name in different:
            if not may(ACTION[name], room_type=self._state.type, role=member.role):
                why = f"{name}: not with the role {member.role}"
                refuse(command, ProtocolError(ErrorCode.FORBIDDEN, why))
                return
        archived = self._state.archived_refusal()
        if archived is not None and different.get("archived") is not False:
            refuse(command, archived)
        elif not different:
            self._log.agree(command)
        else:
            self._append(command, structs.replace(RoomExtra(), **different))

    def settled(self, command: RoomCommand) -> bool:
        """Confirm a leftover change that turns out to be durable; False for everything else."""
        if not isinstance(command, ChangeRoom) or (event := self._log.stored(command)) is None:
            return False
        confirm_change(command, event.seq, event.at)
        return True

    def show(self, pending: Pending, command: ChangeRoom, change: RoomChanged) -> None:
        """The change is durable: confirm it and show it, in small rooms as a summary too."""
        self._state.changed(change)
        confirm_change(command, pending.event.seq, pending.event.at)
        self._log.audience.publish(change)
        if not self._state.crowded:
            for member in self._state.members.values():
                self._log.show_room(member)

    def _different(self, changes: RoomExtra) -> dict[str, Setting]:
        """What of *changes* is not so already."""
        asked = structs.asdict(changes)
        now = self._state.settings
        return {name: asked[name] for name in now if asked[name] not in (UNSET, now[name])}

    def _append(self, command: ChangeRoom, changes: RoomExtra) -> None:
        state, origin = self._state, command.origin
        mark = state.advance(self._log.now(), countable=False)
        event = NewEvent(
            mark.seq,
            mark.at,
            EventKind.ROOM_CHANGED,
            origin.user_no,
            mark.countable,
            extra=written(changes),
        )
        state.settings |= self._different(changes)
        command.event = event
        sender = state.shown(origin.user_no, origin.user_id)
        shown = frame_of(state.room, StoredEvent(event, sender))
        self._log.append(Pending(event, shown, command))
