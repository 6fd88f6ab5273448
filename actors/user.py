"""The user actor: devices, presence across them, and who watches whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from msgspec import UNSET

from actors.actor import Actor
from actors.batcher import Batcher
from actors.message import message
from actors.ports import AdapterError, Session, UserState, WallClock
from actors.registry import Context, Registry
from actors.rules.presence import shown_state
from actors.timers import Timers
from actors.user_commands import (
    Arrived,
    Choose,
    Gone,
    Lingered,
    Moved,
    UserCommand,
    Watch,
    Watched,
    refuse_with_code,
)
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ok, PresenceChange
from protocol.ids import Millis, RoomId, UserId
from protocol.refusals import error_frame


@message
class UserSurroundings:
    """Everything a user's actor reaches beside its own state."""

    users: Registry[UserCommand]
    timers: Timers
    choices: Batcher[tuple[int, str], bool]  # (user_no, choice): stored
    seen: Callable[[int, Millis], None]  # write-behind
    clock: WallClock


class UserActor(Actor[UserCommand]):
    """One user on this node. Shown states change by edges: watchers hear of changes only."""

    GRACE_S = 1.5  # a page that reloads does not flicker
    MOST_WATCHED = 500  # people, per session

    def __init__(
        self, state: UserState, context: Context[UserCommand], around: UserSurroundings
    ) -> None:
        self._user, self._user_no = state.user_id, state.user_no
        self._choice, self._last_seen = state.choice, state.last_seen
        self._rooms = state.rooms
        self._context, self._around = context, around
        self._devices: dict[Session, str] = {}
        self._watchers: dict[Session, frozenset[RoomId]] = {}
        self._watching: dict[Session, set[UserId]] = {}
        self._lingering = False
        self._shown = shown_state(self._choice, ())

    def receive(self, message: UserCommand) -> None:
        """Apply one command."""
        match message:
            case Watched(session, rooms):
                self._watched(session, rooms)
            case Watch():
                self._watch(message)
            case Arrived(session):
                self._devices[session] = "online"
                self._lingering = False
                self._show()
            case Gone(session):
                self._gone(session)
            case Choose():
                self._choose(message)
            case Moved(room, inside):
                self._moved(room, inside=inside)
            case Lingered():
                self._lingered()
            case _:
                assert_never(message)

    def at_rest(self) -> bool:
        """No device here and nobody watching."""
        return not self._devices and not self._watchers and not self._lingering

    # ---- presence

    def _gone(self, session: Session) -> None:
        self._devices.pop(session, None)
        for user in self._watching.pop(session, ()):
            self._tell(user, Watched(session, frozenset()))
        if self._devices:
            self._show()
            return
        self._last_seen = self._around.clock.now_ms()
        self._around.seen(self._user_no, self._last_seen)
        self._lingering = True
        self._around.timers.after(self.GRACE_S, lambda: self._tell(self._user, Lingered()))

    def _lingered(self) -> None:
        if self._lingering:
            self._lingering = False
            self._show()

    def _choose(self, command: Choose) -> None:
        """``away`` is the device's own; the rest is the user's choice, stored before ``ok``."""
        state = command.frame.state
        self._devices[command.session] = "away" if state == "away" else "online"
        if state in ("away", self._choice):
            self._chosen(command, self._choice)
            return

        def stored(done: bool | AdapterError | None) -> None:  # noqa: FBT001 - the port's answer
            if done is True:
                self._chosen(command, state)
            else:
                refuse_with_code(command, ErrorCode.UNAVAILABLE)

        key = (self._user_no, state)
        self._around.choices.ask(key, self._context.completion(self, stored))

    def _chosen(self, command: Choose, choice: str) -> None:
        self._choice = choice
        self._show()
        if command.frame.rid is not None:
            command.session.offer(Ok(rid=command.frame.rid))

    def _show(self) -> None:
        shown = shown_state(self._choice, self._devices.values())
        if shown == self._shown:
            return
        self._shown = shown
        if shown == "offline" and self._devices:  # invisible from now on
            self._last_seen = self._around.clock.now_ms()
        for session in self._watchers:
            self._show_to(session)

    def _show_to(self, session: Session) -> None:
        offline = self._shown == "offline" and self._last_seen is not None
        change = PresenceChange(
            user=self._user,
            state=self._shown,
            last_seen=self._last_seen if offline and self._last_seen is not None else UNSET,
        )
        session.offer_state(("presence", self._user), change)

    # ---- who watches whom

    def _watch(self, command: Watch) -> None:
        frame, mine = command.frame, self._watching.setdefault(command.session, set())
        wanted = frame.watch or []
        if len(mine.union(wanted)) > self.MOST_WATCHED:
            fields = {"watch": f"at most {self.MOST_WATCHED} people a connection"}
            error = ProtocolError(ErrorCode.INVALID, fields=fields)
            command.session.offer(error_frame(error, rid=frame.rid))
            return
        if frame.rid is not None:
            command.session.offer(Ok(rid=frame.rid))
        for name in frame.unwatch or []:
            if name in mine:
                mine.discard(UserId(name))
                self._tell(UserId(name), Watched(command.session, frozenset()))
        for name in dict.fromkeys(wanted):
            mine.add(UserId(name))
            self._tell(UserId(name), Watched(command.session, self._rooms))

    def _watched(self, session: Session, rooms: frozenset[RoomId]) -> None:
        """Strangers, who share no room with this user, see nothing."""
        if rooms.isdisjoint(self._rooms):
            self._watchers.pop(session, None)
            return
        known = session in self._watchers
        self._watchers[session] = rooms
        if not known:
            self._show_to(session)

    def _moved(self, room: RoomId, *, inside: bool) -> None:
        self._rooms = self._rooms | {room} if inside else self._rooms - {room}
        if inside:
            return
        for session in [s for s, rooms in self._watchers.items() if rooms.isdisjoint(self._rooms)]:
            del self._watchers[session]
        for session, watched in self._watching.items():
            for user in sorted(watched):
                self._tell(user, Watched(session, self._rooms))

    def _tell(self, user: UserId, command: UserCommand) -> None:
        """Presence is best effort: a full or retired mailbox loses this one change."""
        self._around.users.tell_or_drop(user, command)
