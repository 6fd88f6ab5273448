"""Who is online in a blind room: by pseudonym, and too coarse to be matched with anything else.

A user who shares an open room with somebody of a blind one sees his presence there as it changes.
Were it shown here at the same moment, the two names could be put together. So it is looked at once
a minute for all, and all that changed is told at once.
"""

from __future__ import annotations

from typing import Final, Literal

from actors.ports import Session
from actors.room_commands import RoomCommand, WatchHere, confirm, refuse
from actors.room_log import RoomLog
from actors.room_sends import refuse_stranger
from actors.rules.sending import invalid
from protocol.frames import PresenceChange, WatchPresence
from protocol.ids import UserId

EVERY_S: Final = 60.0

Coarse = Literal["online", "offline"]


class BlindPresence:
    """The watchers of one blind room."""

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state
        self._watchers: dict[Session, dict[str, Coarse | None]] = {}  # and what each was shown
        self._seen: dict[str, Coarse] | None = None  # as of the last look

    def watch(self, command: WatchHere) -> None:
        """Show the state as of the last look at once, then what later looks find changed."""
        session, frame = command.origin, command.frame
        if session.user_no not in self._state.members:
            refuse_stranger(self._log, command)
        elif not self._state.blind:
            refuse(command, invalid("room", "is not blind: watch people by their own ids"))
        elif not session.gone:
            confirm(command)
            shown = self._watchers.setdefault(session, {})
            for name in frame.unwatch or ():
                shown.pop(name, None)
            for name in frame.watch or ():
                if name in self._state.no_by_name:
                    shown.setdefault(name, None)
            if self._seen is None:
                self._look()
            self._show(session)

    def is_watched(self) -> bool:
        """Somebody watches."""
        return any(not session.gone for session in self._watchers)

    def leftovers(self) -> list[RoomCommand]:
        """Who watches whom, for the next incarnation."""
        room = self._state.room
        return [
            WatchHere(session, WatchPresence(room=room, watch=list(shown)))
            for session, shown in self._watchers.items()
        ]

    def _look(self) -> None:
        """Look at all members, and again after a while."""
        self._watchers = {each: shown for each, shown in self._watchers.items() if not each.gone}
        self._seen = {member.shown: self._of(member.user_id) for member in self._state.listed()}
        for session in self._watchers:
            self._show(session)
        again = self._log.guard(lambda _: self._look_again())
        self._log.around.after(EVERY_S, lambda: again(None))

    def _look_again(self) -> None:
        if self.is_watched():
            self._look()
        else:
            self._watchers, self._seen = {}, None

    def _of(self, user: UserId) -> Coarse:
        devices = self._log.around.sessions.of(user)
        return "online" if any(not device.hidden for device in devices) else "offline"

    def _show(self, session: Session) -> None:
        shown, room = self._watchers[session], self._state.room
        if session.user_no not in self._state.members:
            shown.clear()
        for name in sorted(shown):
            now = (self._seen or {}).get(name)
            if now is not None and now != shown[name]:
                shown[name] = now
                change = PresenceChange(user=name, state=now, room=room)
                session.offer_state(("presence", room, name), change)
