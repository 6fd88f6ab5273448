"""Replay: bring a session to the present of one room, then let it go live without a seam."""

from __future__ import annotations

from typing import Protocol

import trio

from actors.audience import Audience
from actors.ports import EventLog, Session, StoreUnavailable
from protocol.close import CloseCode
from protocol.frames import Event
from protocol.ids import RoomId


class PacedSession(Session, Protocol):
    """A session that says when its client has read enough to be given more."""

    rooms: set[RoomId]  # whose member the user is, as of now

    @property
    def gone(self) -> bool:
        """The connection is closed."""

    async def ready(self) -> None:
        """Return when the outbox is below its low-water mark, or the session gone."""


class Replayer:
    """Reads the log for sessions that stand behind. Paced by the client's reading."""

    CHUNK = 100  # events a read
    RETRIES, RETRY_S = 20, 0.5  # an outage of ten seconds is waited out

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def replay(
        self, session: PacedSession, room: RoomId, audience: Audience, sent: int, upto: int
    ) -> None:
        """Offer *sent* + 1 … *upto* and everything since, then join *audience* in the same step."""
        while room in session.rooms and not (session.gone or audience.follows(session)):
            if sent >= upto:
                if audience.join(session, sent):
                    return
                upto = audience.upto or upto
            await session.ready()
            events = await self._read(session, room, sent, upto)
            if not events:
                return
            for event in events:
                session.offer(event)
            sent = events[-1].seq

    async def _read(self, session: PacedSession, room: RoomId, sent: int, upto: int) -> list[Event]:
        for _ in range(self.RETRIES):
            try:
                return list(await self._log.replay(room, sent, upto, self.CHUNK))
            except StoreUnavailable:
                await trio.sleep(self.RETRY_S)
        session.close(CloseCode.INTERNAL, "the log cannot be read")
        return []
