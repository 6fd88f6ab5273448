"""What became of the recipients of a campaign: as pages, and as a file for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from protocol.errors import ErrorCode, ProtocolError
from server.http.audit import Audit
from server.http.auth import rate_limited
from server.http.campaign_envelope import Envelope, Text, good
from server.http.campaign_parts import ONE, CampaignParts
from server.http.campaign_schemas import RecipientResult, RecipientResults, ResultsQuery
from server.http.campaign_shown import done_of, result_of
from server.http.route import Access, Answer, Call, NoQuery, Route, Streamed

SHOWN: Text = {"ko": "발송 결과 조회 성공", "en": "What became of the recipients."}
CSV: Final = "text/csv; charset=utf-8"
COLUMNS: Final = ("userId", "status", "reason", "attempt", "at", "providerId")
BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
ROWS: Final = 500
AT_ONCE: Final = 2
AGAIN_S: Final = 5.0
"""Files of one admin under way, and until one more is worth a try."""


class CampaignResults:
    """The routes of what became of people: each look is recorded."""

    def __init__(self, parts: CampaignParts, *, audit: Audit) -> None:
        self._views, self._audit = parts.views, audit
        self._under_way: Counter[int] = Counter()

    async def page(self, call: Call[None, ResultsQuery]) -> Answer:
        """Recipients of a job, by status where one is asked for."""
        job, query = await self._job(call), call.query
        found = await self._views.results(
            job["job_no"], after=query.cursor or 0, status=query.status, limit=query.limit
        )
        items = [result_of(row, job["zone"]) for row in found.rows]
        await self._audit.seen(call, "campaign.results", count=len(items), job=job["job_id"])
        return good(call.headers, SHOWN, RecipientResults(items, found.after))

    async def file(self, call: Call[None, NoQuery]) -> Streamed:
        """All recipients of a job, as a file."""
        admin_no, job = call.caller.user_no, await self._job(call)
        if self._under_way[admin_no] >= AT_ONCE:
            raise rate_limited(AGAIN_S)
        self._under_way[admin_no] += 1

        async def close() -> None:
            self._under_way[admin_no] -= 1
            self._under_way += Counter()  # forgets those at zero

        about = {"count": done_of(job), "job": job["job_id"]}
        try:
            await self._audit.seen(call, "campaign.results_file", **about)
        except BaseException:
            await close()
            raise
        name = f'attachment; filename="campaign-{job["job_id"]}.csv"'
        return Streamed(self._lines(job), {"Content-Disposition": name}, close=close)

    async def _lines(self, job: Mapping[str, Any]) -> AsyncIterator[bytes]:
        part = [BOM + ",".join(COLUMNS) + "\r\n"]
        async with aclosing(self._views.every_result(job["job_no"])) as rows:  # type: ignore[type-var]
            async for row in rows:
                part.append(line_of(result_of(row, job["zone"])))
                if len(part) >= ROWS:
                    yield "".join(part).encode()
                    part.clear()
        yield "".join(part).encode()

    async def _job(self, call: Call[None, Any]) -> Mapping[str, Any]:
        job = await self._views.one(call.path["job"])
        if job is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return job

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=ONE + "/results",
                name="list_campaign_results",
                summary="What became of the recipients of a job",
                access=Access.ADMIN,
                handler=self.page,
                query=ResultsQuery,
                answers={200: Envelope[RecipientResults]},
            ),
            Route(
                method="GET",
                path=ONE + "/results.csv",
                name="download_campaign_results",
                summary="The same, as a file for spreadsheets",
                access=Access.ADMIN,
                handler=self.file,
                answers={200: None},
                text=CSV,
            ),
        )


def line_of(result: RecipientResult) -> str:
    """A line of the file. No cell is taken for a formula, whatever a provider says.

    >>> line_of(RecipientResult(
    ...     user_id="ann", status="sent", reason=None, attempt=1, at=None, provider_id="=1+2"
    ... ))
    "ann,sent,,1,,'=1+2\\r\\n"
    """
    cells = (
        result.user_id,
        result.status,
        result.reason or "",
        str(result.attempt),
        result.at or "",
        result.provider_id or "",
    )
    line = io.StringIO()
    csv.writer(line).writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells])
    return line.getvalue()
