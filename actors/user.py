"""The user actor: devices, presence across them, and who watches whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

import trio
from msgspec import UNSET, UnsetType

from actors.actor import Actor
from actors.batcher import Batcher
from actors.blocks import Blocked
from actors.message import message
from actors.online import Online
from actors.online_time import OnlineTime
from actors.ports import AdapterError, Session, UserState, WallClock
from actors.registry import Context, Registry
from actors.rules.presence import shown_state
from actors.sessions import Sessions
from actors.timers import Timers
from actors.user_commands import (
    Choose,
    HideLastSeen,
    Look,
    Moved,
    UserCommand,
    Watch,
    Watched,
    refuse_with_code,
)
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import SeenState
from protocol.frames import Ok, PresenceChange, WatchPresence
from protocol.ids import Millis, RoomId, UserId
from protocol.refusals import error_frame


@message
class UserSurroundings:
    """Everything a user's actor reaches beside its own state."""

    users: Registry[UserCommand]
    sessions: Sessions
    timers: Timers
    choices: Batcher[tuple[int, str], bool]  # (user_no, choice): stored
    states: Batcher[UserId, UserState]
    seen: Callable[[int, Millis], None]  # write-behind
    online: Online
    online_time: OnlineTime
    clock: WallClock


class UserActor(Actor[UserCommand]):
    """One user on this node. Shown states change by edges: watchers hear of changes only.

    Who is connected and who shares a room is looked up where it is known, among the sessions, and
    who is a friend in the store; messages only say that it is time to look.
    """

    GRACE_S = 1.5  # a page that reloads does not flicker
    RECHECK_S = 1.0  # after a change of rooms, until those watched are asked anew: once for many
    MOST_WATCHED = 500  # people, per session

    def __init__(
        self, state: UserState, context: Context[UserCommand], around: UserSurroundings
    ) -> None:
        self._user, self._user_no = state.user_id, state.user_no
        self._choice, self._last_seen = state.choice, state.last_seen
        self._rooms, self._blocks, self._friends = state.rooms, state.blocks, state.friends
        self._context, self._around = context, around
        self._devices: Sequence[Session] = []  # as of the last look
        self._away: set[Session] = set()
        self._hides_last_seen = state.hides_last_seen
        self._watchers: dict[Session, SeenState | None] = {}  # what each sees; strangers: None
        self._untimed: frozenset[Session] = frozenset()  # watchers that are shown no ``last_seen``
        self._watching: dict[Session, set[UserId]] = {}
        self._offline_at: float | None = None  # the grace ends then
        self._recheck_at: float | None = None
        self._shown = shown_state(self._choice, ())

    def started(self) -> None:
        """Nothing that the last incarnation showed holds."""
        self._around.online.put(self._user, self._shown)
        self._around.online.note_looking(self._user, on=False)
        self._around.online_time.put(self._user_no, here=False)

    def receive(self, message: UserCommand) -> None:
        """Apply one command."""
        match message:
            case Watched():
                self._watched(message)
            case Watch():
                self._watch(message)
            case Look():
                self._look(message)
            case Choose():
                self._choose(message)
            case Moved(room, inside):
                self._moved(room, inside=inside)
            case Blocked():
                self._block(message)
            case HideLastSeen(hidden):
                self._hide_last_seen(hidden=hidden)
            case _:
                assert_never(message)

    def settle(self) -> None:
        """Look who is connected now, and what is due."""
        devices, now = self._around.sessions.of(self._user), trio.current_time()
        if devices != self._devices:
            self._connected(devices)
        elif self._offline_at is not None and now >= self._offline_at:
            self._offline_at = None
            self._show()
        if self._recheck_at is not None and now >= self._recheck_at:
            self._recheck_at = None
            self._watch_again()

    def at_rest(self) -> bool:
        """No device here and nobody watching who may see."""
        self._show_all()
        waiting = self._offline_at is not None or self._recheck_at is not None
        return not (waiting or self._devices or any(self._watchers.values()))

    def leftovers(self) -> list[UserCommand]:
        """Who watches whom, for the next incarnation."""
        watchers: list[UserCommand] = [
            Watched(each, True, each not in self._untimed)  # noqa: FBT003
            for each in self._watchers
        ]
        for session, users in self._watching.items():
            watchers.append(Watch(session, WatchPresence(watch=sorted(users))))
        return watchers

    # ---- presence

    def _connected(self, devices: Sequence[Session]) -> None:
        for session in set(self._devices).difference(devices):
            self._away.discard(session)
            for user in self._watching.pop(session, ()):
                self._tell(user, Watched(session, wanted=False))
        self._devices, self._offline_at = devices, None
        self._around.online_time.put(self._user_no, here=bool(devices))
        self._note_looking()
        if devices:
            self._show()
            return
        self._last_seen = self._around.clock.now_ms()
        self._around.seen(self._user_no, self._last_seen)
        self._offline_at = trio.current_time() + self.GRACE_S
        self._around.timers.after(self.GRACE_S, lambda: self._tell(self._user, Look()))

    def _choose(self, command: Choose) -> None:
        """``away`` is the device's own; the rest is the user's choice, stored before ``ok``."""
        session, state = command.session, command.frame.state
        if state == "away" and not session.gone:
            self._away.add(session)
        else:
            self._away.discard(session)
        self._note_looking()
        if state in ("away", self._choice):
            self._chosen(command, self._choice)
            return

        def stored(done: bool | AdapterError | None) -> None:  # noqa: FBT001 - the port's answer
            self._context.release()
            if done is True:
                self._chosen(command, state)
            else:
                refuse_with_code(command, ErrorCode.UNAVAILABLE)

        self._context.hold()  # the next choice comes after this one
        key = (self._user_no, state)
        self._around.choices.ask(key, self._context.completion(self, stored))

    def _chosen(self, command: Choose, choice: str) -> None:
        self._choice = choice
        self._show()
        if command.frame.rid is not None:
            command.session.offer(Ok(rid=command.frame.rid))

    def _note_looking(self) -> None:
        is_looking = any(session not in self._away for session in self._devices)
        self._around.online.note_looking(self._user, on=is_looking)

    def _show(self) -> None:
        states = ["away" if session in self._away else "online" for session in self._devices]
        shown = shown_state(self._choice, states)
        for session in self._devices:
            session.hidden = shown == "offline"
        if shown == self._shown:
            return
        self._shown = shown
        self._around.online.put(self._user, shown)
        if shown == "offline" and self._devices:  # invisible from now on
            self._last_seen = self._around.clock.now_ms()
        self._show_all()

    def _show_all(self) -> None:
        for session in list(self._watchers):
            self._show_to(session)

    def _show_to(self, session: Session) -> None:
        """Strangers, who share no room with this user and are no friends, see nothing."""
        if session.gone:
            self._forget(session)
            return
        seen, before = self._shown if self._meets(session) else None, self._watchers[session]
        if seen == before:
            return
        self._watchers[session] = seen
        if seen is not None:
            self._tell_state(session)
        elif before != "offline":
            gone = PresenceChange(user=self._user, state="offline")
            session.offer_state(("presence", self._user), gone)

    def _tell_state(self, session: Session) -> None:
        last_seen: int | UnsetType = UNSET
        if self._shown == "offline" and self._last_seen is not None:
            hidden = self._hides_last_seen or session in self._untimed
            last_seen = UNSET if hidden else self._last_seen
        change = PresenceChange(user=self._user, state=self._shown, last_seen=last_seen)
        session.offer_state(("presence", self._user), change)

    # ---- who watches whom

    def _watch(self, command: Watch) -> None:
        frame, session = command.frame, command.session
        if session.gone:
            return
        mine, wanted = self._watching.setdefault(session, set()), frame.watch or []
        if len(mine.union(wanted)) > self.MOST_WATCHED:
            fields = {"watch": f"at most {self.MOST_WATCHED} people a connection"}
            error = ProtocolError(ErrorCode.INVALID, fields=fields)
            session.offer(error_frame(error, rid=frame.rid))
            return
        if frame.rid is not None:
            session.offer(Ok(rid=frame.rid))
        for name in frame.unwatch or []:
            if name in mine:
                mine.discard(UserId(name))
                self._tell(UserId(name), Watched(session, wanted=False))
        for name in dict.fromkeys(wanted):
            mine.add(UserId(name))
            self._tell(UserId(name), self._wanted(session))

    def _wanted(self, session: Session) -> Watched:
        return Watched(session, wanted=True, timed=not self._hides_last_seen)

    def _watched(self, command: Watched) -> None:
        session = command.session
        if not command.wanted:
            self._forget(session)
            return
        seen = self._watchers.get(session)
        self._watchers.setdefault(session, None)
        was_timed = session not in self._untimed
        if command.timed != was_timed:
            self._untimed = self._untimed ^ {session}
        self._show_to(session)
        if seen == "offline" and command.timed != was_timed and session in self._watchers:
            self._tell_state(session)

    def _forget(self, session: Session) -> None:
        self._watchers.pop(session, None)
        if session in self._untimed:
            self._untimed = self._untimed - {session}

    def _hide_last_seen(self, *, hidden: bool) -> None:
        """It goes both ways: who hides it does not see it of others."""
        self._hides_last_seen = hidden
        for session, seen in self._watchers.items():
            if seen == "offline":
                self._tell_state(session)
        self._watch_again()

    def _moved(self, room: RoomId, *, inside: bool) -> None:
        self._rooms = self._rooms | {room} if inside else self._rooms - {room}
        self._met()

    def _met(self) -> None:
        """Whom this user meets has changed: who sees him, and whom he sees."""
        self._show_all()
        if self._watching and self._recheck_at is None:
            self._recheck_at = trio.current_time() + self.RECHECK_S
            self._around.timers.after(self.RECHECK_S, lambda: self._tell(self._user, Look()))

    def _block(self, command: Blocked) -> None:
        """Neither of two people with a block between them sees the other."""
        other = command.pair[0] if command.pair[1] == self._user_no else command.pair[1]
        self._blocks = self._blocks | {other} if command.on else self._blocks - {other}
        self._friends = self._friends - self._blocks
        for session in [each for each in self._watchers if each.user_no == other]:
            self._show_to(session)
        command.known.set(True)

    def _look(self, command: Look) -> None:
        """Every run ends with a look. Friends are those of the store by now: of two changes the
        later one may be told first.
        """
        if command.friends:
            found = self._context.completion(self, self._found_friends)
            self._around.states.ask(self._user, found)

    def _found_friends(self, found: UserState | AdapterError | None) -> None:
        self._friends = frozenset()  # where it is not known: who is none must not see him
        if isinstance(found, UserState):
            self._friends = found.friends - self._blocks
        elif found is not None:
            again = Look(friends=True)
            self._around.timers.after(self.RECHECK_S, lambda: self._tell(self._user, again))
        self._met()

    def _watch_again(self) -> None:
        for session, watched in self._watching.items():
            for user in sorted(watched):
                self._tell(user, self._wanted(session))

    def _meets(self, session: Session) -> bool:
        """Whether the two are friends, or a room is shared. What a connected user is in, his
        sessions know best.
        """
        if session.user_no in self._blocks:
            return False
        if session.user_no in self._friends:
            return True
        mine = self._around.sessions.of(self._user)
        return not session.known_in.isdisjoint(mine[0].known_in if mine else self._rooms)

    def _tell(self, user: UserId, command: UserCommand) -> None:
        self._around.users.tell_when_open(user, command)
