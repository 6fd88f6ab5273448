"""How far a campaign is, as it goes on: server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec
import trio

from actors.ports import StoreUnavailable
from actors.rules.campaign_states import TERMINAL, JobStatus
from protocol.errors import ErrorCode, ProtocolError
from server.http.audit import Audit
from server.http.auth import rate_limited
from server.http.campaign_parts import ONE, CampaignParts
from server.http.campaign_shown import done_of
from server.http.route import Access, Call, NoQuery, Route, Streamed

EVENTS: Final = "text/event-stream"
MOST_STREAMS: Final = 64
AGAIN_S: Final = 5.0


class Event(msgspec.Struct):
    """One event ``progress``: of ``total`` people ``done`` are settled, of which ``failed`` were
    not reached, or perhaps not.
    """

    job: str
    status: JobStatus
    total: int
    done: int
    failed: int


class CampaignEvents:
    """The route that tells. Another node may run the job, so its row is looked at again and again;
    the node that runs it brings that up to date twice a second.
    """

    LOOK_S: Final = 0.5
    COMMENT_S: Final = 15.0  # so that nobody on the way takes the stream for dead

    def __init__(self, parts: CampaignParts, *, audit: Audit) -> None:
        self._views, self._stopping = parts.views, parts.stopping
        self._audit = audit
        self._streams = 0

    async def tell(self, call: Call[None, NoQuery]) -> Streamed:
        """Events ``progress`` until the job is over: one at once, then when something changes."""
        job = call.path["job"]
        if await self._event(job) is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        if self._streams >= MOST_STREAMS:
            raise rate_limited(AGAIN_S)
        self._streams += 1

        async def close() -> None:
            self._streams -= 1

        try:
            await self._audit.seen(call, "campaign.watch", job=job)
        except BaseException:
            await close()
            raise
        return Streamed(self._told(job), {"X-Accel-Buffering": "no"}, close=close)

    async def _told(self, job: str) -> AsyncIterator[bytes]:
        told, said_at = None, trio.current_time()
        while not self._stopping.is_set():
            event = await self._looked_at(job, told)
            if event != told and event is not None:
                told, said_at = event, trio.current_time()
                yield b"event: progress\ndata: " + msgspec.json.encode(event) + b"\n\n"
                if event.status in TERMINAL:
                    return
            elif trio.current_time() >= said_at + self.COMMENT_S:
                said_at = trio.current_time()
                yield b": still here\n\n"
            with trio.move_on_after(self.LOOK_S):
                await self._stopping.wait()

    async def _looked_at(self, job: str, told: Event | None) -> Event | None:
        try:
            return await self._event(job)
        except StoreUnavailable:
            return told

    async def _event(self, job: str) -> Event | None:
        row = await self._views.one(job)
        if row is None:
            return None
        failed = row["failure_count"] + row["unknown_count"]
        return Event(job, JobStatus(row["status"]), row["total_users"], done_of(row), failed)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=ONE + "/events",
                name="watch_campaign",
                summary="How far a job is, as it goes on",
                access=Access.ADMIN,
                handler=self.tell,
                answers={200: None},
                text=EVENTS,
            ),
        )
