"""Campaigns over HTTP (specification 002): looked at, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.http.audit import Audit
from server.http.campaign_envelope import Envelope, Text, good
from server.http.campaign_parts import ONE, SEND, CampaignParts
from server.http.campaign_schemas import JobData, JobPage, JobsQuery
from server.http.campaign_shown import job_of
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.postgres.audit import By

SHOWN: Text = {"ko": "작업 상태 조회 성공", "en": "The state of the job."}
LISTED: Text = {"ko": "작업 목록 조회 성공", "en": "The jobs, newest first."}
PAUSED: Text = {"ko": "작업이 일시 중지되었습니다.", "en": "The job is paused."}
RESUMED: Text = {"ko": "작업이 재개되었습니다.", "en": "The job goes on."}
CANCELLED: Text = {"ko": "작업이 취소되었습니다.", "en": "The job is cancelled."}


class CampaignJobs:
    """The routes of jobs that were made."""

    def __init__(self, parts: CampaignParts, *, clock: WallClock, audit: Audit) -> None:
        self._making, self._views, self._running = parts.making, parts.views, parts.running
        self._clock, self._audit = clock, audit

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """How far a job is."""
        answer = await self._answer(call, SHOWN)
        await self._audit.looked(call, "campaign.show", call.path["job"])
        return answer

    async def list_all(self, call: Call[None, JobsQuery]) -> Answer:
        """All jobs, newest first."""
        query = call.query
        rows = await self._views.listed(
            after=query.cursor, status=query.status, limit=query.limit + 1
        )
        items = [self._shown(row) for row in rows[: query.limit]]
        last = items[-1].job_id if len(rows) > len(items) else None
        await self._audit.seen(call, "campaign.list", count=len(items))
        return good(call.headers, LISTED, JobPage(items, last))

    async def pause(self, call: Call[None, NoQuery]) -> Answer:
        """Stop a job for now: nobody is sent to any more but who is under way at the provider. Who
        waits for the provider's rate is not.
        """
        return await self._direct(call, self._making.pause, PAUSED)

    async def resume(self, call: Call[None, NoQuery]) -> Answer:
        """Go on with a job that was paused."""
        return await self._direct(call, self._making.resume, RESUMED)

    async def cancel(self, call: Call[None, NoQuery]) -> Answer:
        """Stop a job for good."""
        return await self._direct(call, self._making.cancel, CANCELLED)

    async def _direct(
        self, call: Call[None, NoQuery], work: Callable[[str, By], Awaitable[None]], text: Text
    ) -> Answer:
        await work(call.path["job"], self._audit.by(call))
        self._running.wake()
        return await self._answer(call, text)

    async def _answer(self, call: Call[None, NoQuery], text: Text) -> Answer:
        row = await self._views.one(call.path["job"])
        if row is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return good(call.headers, text, self._shown(row))

    def _shown(self, row: Mapping[str, Any]) -> JobData:
        figures = self._running.jobs().get(row["job_id"])
        return job_of(row, figures, self._clock.now_ms())

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=SEND,
                name="list_campaigns",
                summary="Jobs, newest first",
                access=Access.ADMIN,
                handler=self.list_all,
                query=JobsQuery,
                answers={200: Envelope[JobPage]},
            ),
            _job("GET", "/status", "show_campaign", "How far a job is", self.show),
            _job("POST", "/pause", "pause_campaign", "Stop a job for now", self.pause),
            _job("POST", "/resume", "resume_campaign", "Go on with a job", self.resume),
            _job("POST", "/cancel", "cancel_campaign", "Stop a job for good", self.cancel),
        )


def _job(
    method: str,
    below: str,
    name: str,
    summary: str,
    handler: Callable[[Call[Any, Any]], Awaitable[Answer]],
) -> Route:
    return Route(
        method=method,
        path=ONE + below,
        name=name,
        summary=summary,
        access=Access.ADMIN,
        handler=handler,
        answers={200: Envelope[JobData]},
        refusals=(409,) if method == "POST" else (),
    )
