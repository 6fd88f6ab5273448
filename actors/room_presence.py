"""Who is there in a blind room: by pseudonym, and by what everybody in it saw anyway.

Were it the presence of the person, an open room that he shares would show the same change at the
same moment, and the two names could be put together. So a member counts as online for a while
after he did something here that all were shown: said, changed, read or typed something.
"""

from __future__ import annotations

from typing import Final, Literal

import trio

from actors.ports import Session
from actors.room_commands import RoomCommand, WatchHere, confirm, refuse
from actors.room_log import RoomLog
from actors.room_sends import refuse_stranger
from actors.rules.sending import invalid
from protocol.frames import PresenceChange, WatchPresence

ACTIVE_S: Final = 300.0
LOOK_S: Final = 30.0

Coarse = Literal["online", "offline"]


class BlindPresence:
    """The watchers of one blind room, and who was active in it lately."""

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state
        self._until: dict[str, float] = {}  # by pseudonym
        self._watchers: dict[Session, dict[str, Coarse | None]] = {}  # and what each was shown
        self._looking = False

    def active(self, user_no: int) -> None:
        """A member did something that everybody in the room was shown."""
        member = self._state.members.get(user_no)
        if member is None or not self._state.blind:
            return
        known = self._now(member.shown)
        self._until[member.shown] = trio.current_time() + ACTIVE_S
        if known == "offline" and self._watchers:
            self._forget_idle()
            self._show_all()

    def watch(self, command: WatchHere) -> None:
        """Show the present state at once, then what changes."""
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
            self._show(session)
            self._look_later()

    def is_watched(self) -> bool:
        """Somebody watches."""
        self._forget_idle()
        return bool(self._watchers)

    def leftovers(self) -> list[RoomCommand]:
        """Who watches whom, for the next incarnation."""
        room = self._state.room
        self._forget_idle()
        return [
            WatchHere(session, WatchPresence(room=room, watch=list(shown)))
            for session, shown in self._watchers.items()
        ]

    def _look_later(self) -> None:
        """See after a while for whom the time is over, as long as anybody watches."""
        if not self._looking:
            self._looking = True
            self._log.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._looking = False
        self._forget_idle()
        self._show_all()
        if self._watchers:
            self._look_later()

    def _forget_idle(self) -> None:
        """Those who are gone, are no members any more, or watch nobody."""
        members, watchers = self._state.members, self._watchers.items()
        self._watchers = {
            session: shown
            for session, shown in watchers
            if shown and not session.gone and session.user_no in members
        }

    def _now(self, name: str) -> Coarse:
        return "online" if self._until.get(name, 0.0) > trio.current_time() else "offline"

    def _show_all(self) -> None:
        for session in self._watchers:
            self._show(session)

    def _show(self, session: Session) -> None:
        shown, room = self._watchers[session], self._state.room
        for name in sorted(shown):
            now = self._now(name)
            if now != shown[name] and not session.gone:
                shown[name] = now
                change = PresenceChange(user=name, state=now, room=room)
                session.offer_state(("presence", room, name), change)
