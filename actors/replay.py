"""Replay: bring a session to the present of one room, then let it go live without a seam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import trio

from actors.audience import Audience
from actors.ports import EventLog, Session, StoreUnavailable
from protocol.close import CloseCode
from protocol.events import Event


class PacedSession(Session, Protocol):
    """A session that says when its client has read enough to be given more."""

    async def ready(self) -> None:
        """Return when the outbox is below its low-water mark, or the session gone."""


class Replayer:
    """Reads the log for sessions that stand behind. Paced by the client's reading."""

    CHUNK = 100  # events a read
    RETRIES, RETRY_S = 20, 0.5  # an outage of ten seconds is waited out

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def replay(
        self, session: PacedSession, audience: Audience, ticket: object, sent: int, upto: int
    ) -> None:
        """Offer *sent* + 1 … *upto* and everything since, then join *audience* in the same step.

        Ends early when *ticket* is no longer the one the audience expects *session* with.
        """
        while audience.coming.get(session) is ticket:
            if sent >= upto and audience.join(session, sent):
                return
            upto = max(upto, audience.upto or 0)
            deletions = audience.deletions
            events = audience.since(sent) or await self._read(session, audience, sent, upto)
            if not events:
                audience.leave(session)
                return
            for event in events:
                await session.ready()
                if audience.coming.get(session) is not ticket:
                    return
                if audience.deletions != deletions:
                    break  # what was read may say what is deleted now: read again
                session.offer(event)
                sent = event.seq

    async def _read(
        self, session: PacedSession, audience: Audience, sent: int, upto: int
    ) -> Sequence[Event]:
        for _ in range(self.RETRIES):
            try:
                return await self._log.replay(audience.room, sent, upto, self.CHUNK)
            except StoreUnavailable:
                await trio.sleep(self.RETRY_S)
        session.close(CloseCode.INTERNAL, "the log cannot be read")
        return []
