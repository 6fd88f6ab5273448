"""Who is online on this node, for those who ask about many, and for other nodes by `Presences`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

import trio

from actors.audience import Audiences
from actors.ports import AdapterError, Presences
from actors.rules.presence import merged
from actors.supervisor import Log
from protocol.fields import SeenState
from protocol.ids import RoomId, UserId


class Online:
    """The shown states of users here, but for those who are shown as offline; and who looks.

    Users' actors write it when one changes. One task hands on what changed, and all of it again
    before it is forgotten elsewhere. Best effort: what is lost comes with the next round.
    """

    GATHER_S = 0.5  # changes in this time go together
    AGAIN_S, KEPT_S = 30.0, 90.0  # two rounds may be lost before somebody seems to be gone
    AT_ONCE = 500
    MOST_CHANGED = 20_000

    def __init__(self, presences: Presences, *, log: Log) -> None:
        self._presences, self._log = presences, log
        self._shown: dict[UserId, SeenState] = {}
        self._changed: dict[UserId, None] = {}
        self._looking: set[str] = set()
        self._away = False

    def put(self, user: UserId, state: SeenState) -> None:
        """Note how *user* is shown from now on."""
        if state == self.state(user):
            return
        if state == "offline":
            del self._shown[user]
        else:
            self._shown[user] = state
        if len(self._changed) < self.MOST_CHANGED:
            self._changed[user] = None

    def state(self, user: UserId) -> SeenState:
        """How *user* is shown."""
        return self._shown.get(user, "offline")

    def note_looking(self, user: UserId, *, on: bool) -> None:
        """Note whether *user* has a device here that is not away, however he is shown."""
        (self._looking.add if on else self._looking.discard)(user)

    def is_looking(self, user: str) -> bool:
        """Whether *user* looks at the page here now: what comes is seen there."""
        return user in self._looking

    def __len__(self) -> int:
        return len(self._shown)

    async def run(self) -> None:
        """Hand on until cancelled."""
        again_at = trio.current_time() + self.AGAIN_S
        while True:
            await trio.sleep(self.GATHER_S)
            if trio.current_time() >= again_at:
                again_at = trio.current_time() + self.AGAIN_S
                self._changed.update(dict.fromkeys(self._shown))
            while self._changed:
                users = list(islice(self._changed, self.AT_ONCE))
                for user in users:
                    del self._changed[user]
                if not await self._hand_on(users):
                    self._changed.clear()

    async def _hand_on(self, users: Sequence[UserId]) -> bool:
        try:
            states = {user: self.state(user) for user in users}
            await self._presences.put(states, kept_s=self.KEPT_S)
        except AdapterError as error:
            if not self._away:  # once for each time that it goes away
                self._log.warning("presences_are_local", reason=str(error))
            self._away = True
        else:
            self._away = False
        return not self._away


class Attendance:
    """Who of a room is online."""

    def __init__(self, online: Online, audiences: Audiences, presences: Presences) -> None:
        self._online, self._audiences, self._presences = online, audiences, presences

    async def states(self, users: Sequence[UserId]) -> Mapping[UserId, SeenState]:
        """How *users* are shown, those who are not offline: here, and as other nodes say."""
        elsewhere: Mapping[UserId, SeenState] = {}
        with suppress(AdapterError):
            elsewhere = await self._presences.elsewhere(users)
        states = {
            user: merged([self._online.state(user), elsewhere.get(user, "offline")])
            for user in users
        }
        return {user: state for user, state in states.items() if state != "offline"}

    def of(self, room: RoomId) -> int:
        """How many who are not offline follow *room* on this node."""
        users = {session.user_id for session in self._audiences.followers(room)}
        return sum(self._online.state(user) != "offline" for user in users)
