"""The sessions of this node, written down: sockets as they are looked at, and bots' chats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol, cast

import trio

from actors.ports import AdapterError, Claims, WallClock
from actors.sessions import Sessions
from protocol.ids import Millis, SessionId, UserId
from server.postgres.realtime_sessions import RealtimeSession, RealtimeSessions, SessionType
from server.redis.realtime_sessions import RedisSessions
from server.rounds import Log

MINUTE_MS: Final = 60_000
KEPT_S: Final[Mapping[SessionType, float]] = {"web": 150.0, "kakao": 3_600.0, "discord": 3_600.0}
"""Seconds of a session from its last sign of life: of a socket of a node that died, too. Chats with
bots have no end of their own."""


class Wire(Protocol):
    """What is wanted of a connection."""

    since: float  # by trio's clock
    last_heard: float  # whatever came, answers to pings included
    text: bool  # frames are JSON


class Socket(Protocol):
    """What is wanted of a session of the edge."""

    claims: Claims
    opened: bool
    session_id: SessionId
    user_id: UserId
    user_no: int

    @property
    def gone(self) -> bool: ...
    @property
    def connection(self) -> Wire: ...


class Noted(NamedTuple):
    """A socket as it was written last."""

    user_no: int
    created_at: Millis
    written_at: Millis


class LiveSessions:
    """Connecting costs nothing here: once in a round all sockets are looked at, and what is new of
    them goes to the store in one statement. Best effort: what is lost comes with the next round.
    """

    ROUND_S = 15.0
    AGAIN_MS = MINUTE_MS  # an open socket is written again after so long, though nothing is new
    AT_ONCE = 2_000  # sessions in one statement: many more would hold the loop
    LOOKED_AT_ONCE = 1_000
    MOST_CHATS = 10_000  # between two rounds
    REMEMBERED_MS = 30 * 24 * 60 * MINUTE_MS
    FORGOTTEN_AT_ONCE = 1_000

    def __init__(
        self,
        sockets: Sessions,
        *,
        store: RealtimeSessions,
        cache: RedisSessions,
        clock: WallClock,
        log: Log,
    ) -> None:
        self._sockets, self._store, self._cache = sockets, store, cache
        self._clock, self._log = clock, log
        self._noted: dict[str, Noted] = {}
        self._chats: dict[str, RealtimeSession] = {}
        self._tended_at = 0.0
        self._away = False

    def chatted(self, chat: RealtimeSession) -> None:
        """A user of a bot has just said something."""
        if len(self._chats) < self.MOST_CHATS or chat.session_id in self._chats:
            self._chats[chat.session_id] = chat

    async def round(self) -> float:
        """Write what is new; after how many seconds to come again. Raises StoreUnavailable."""
        now = self._clock.now_ms()
        here, opened = set[str](), list[RealtimeSession]()
        for socket in await self._looked_at():
            here.add(socket.session_id)
            if self._is_due(socket.session_id, now):
                opened.append(self._session(socket, now))
        ended = [each for each in self._noted if each not in here]
        await self._write(opened, ended, now)
        await self._write_chats()
        if trio.current_time() - self._tended_at >= MINUTE_MS / 1000:
            await self._tend(now)
        return self.ROUND_S

    async def end(self) -> None:
        """The node stops, and with it all of its sockets. Raises StoreUnavailable."""
        await self._write((), list(self._noted), self._clock.now_ms())
        await self._write_chats()

    async def of(self, user_no: int, user: UserId) -> Sequence[RealtimeSession]:
        """Active sessions of a user, the latest first. Raises StoreUnavailable."""
        now = self._clock.now_ms()
        mine = [self._session(each, now) for each in self._open(self._every(user))]
        here = {each.session_id for each in mine} | self._noted.keys()
        others = await self._kept(user_no)
        found = [*mine, *(each for each in others if each.session_id not in here)]
        return sorted(found, key=lambda each: (-each.last_activity, each.session_id))

    def socket(self, user: UserId, session_id: str) -> Socket | None:
        """That open socket of *user*, if it is one of this node."""
        mine = self._open(self._every(user))
        return next((each for each in mine if each.session_id == session_id), None)

    async def forget(self, user_no: int, session_id: str) -> None:
        """One that is no socket here is over, or is about to be. Raises StoreUnavailable."""
        await self._store.end(user_no, session_id)
        await self._cached([], [(user_no, session_id)])

    # ---- looking

    async def _looked_at(self) -> list[Socket]:
        found, sockets = list[Socket](), iter(cast("list[Socket]", list(self._sockets)))
        while some := list(islice(sockets, self.LOOKED_AT_ONCE)):
            found += self._open(some)
            await trio.lowlevel.checkpoint()
        return found

    def _every(self, user: UserId) -> Iterable[Socket]:
        return cast("Sequence[Socket]", self._sockets.every(user))  # ChatSessions alone

    def _open(self, sockets: Iterable[Socket]) -> Iterator[Socket]:
        return (each for each in sockets if each.opened and not each.gone)

    def _is_due(self, session_id: str, now: Millis) -> bool:
        noted = self._noted.get(session_id)
        return noted is None or now - noted.written_at >= self.AGAIN_MS

    def _session(self, socket: Socket, now: Millis) -> RealtimeSession:
        noted, wire = self._noted.get(socket.session_id), socket.connection
        return RealtimeSession(
            session_id=socket.session_id,
            user_no=socket.user_no,
            session_type="web",
            last_activity=_at(wire.last_heard, now),
            created_at=noted.created_at if noted else _at(wire.since, now),
            platform_data={"codec": "json" if wire.text else "msgpack"},
            jti=socket.claims.jti,
            token_expires_at=socket.claims.expires_at,
        )

    # ---- writing

    async def _write(
        self, opened: Sequence[RealtimeSession], ended: Sequence[str], now: Millis
    ) -> None:
        """All in one statement, unless there are very many."""
        for start in range(0, max(len(opened), len(ended)), self.AT_ONCE):
            some, over = opened[start : start + self.AT_ONCE], ended[start : start + self.AT_ONCE]
            await self._store.write(some, over)
            gone = [(self._noted[each].user_no, each) for each in over if each in self._noted]
            for _, session_id in gone:
                del self._noted[session_id]
            for each in some:
                self._noted[each.session_id] = Noted(each.user_no, each.created_at, now)
            await self._cached(some, gone)

    async def _write_chats(self) -> None:
        """What was said meanwhile stays for the next time."""
        while chats := list(islice(self._chats.values(), self.AT_ONCE)):
            await self._store.write(chats, ())
            for each in chats:
                if self._chats.get(each.session_id) is each:
                    del self._chats[each.session_id]
            await self._cached(chats, [])

    async def _tend(self, now: Millis) -> None:
        before = {kind: Millis(now - 2 * int(kept * 1000)) for kind, kept in KEPT_S.items()}
        await self._store.end_stale(before)
        old = Millis(now - self.REMEMBERED_MS)
        await self._store.forget(old, most=self.FORGOTTEN_AT_ONCE)
        self._tended_at = trio.current_time()

    # ---- the cache

    async def _kept(self, user_no: int) -> Sequence[RealtimeSession]:
        """Of the cache; of the store where that has nothing, or is away."""
        try:
            return await self._cache.of(user_no) or await self._store.of(user_no)
        except AdapterError:
            return await self._store.of(user_no)

    async def _cached(
        self, sessions: Sequence[RealtimeSession], ended: Sequence[tuple[int, str]]
    ) -> None:
        try:
            await self._cache.put(sessions, kept_s=KEPT_S)
            await self._cache.end(ended)
        except AdapterError as error:
            if not self._away:  # once for each time that it goes away
                self._log.warning("sessions_are_not_cached", reason=str(error))
            self._away = True
        else:
            self._away = False


def _at(heard: float, now: Millis) -> Millis:
    """When trio's clock showed that."""
    return Millis(now - max(0, int((trio.current_time() - heard) * 1000)))
