"""Reports of messages: members make them, admins settle them."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.ports import WallClock
from actors.rules.event_frames import files_in
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import FileInfo
from protocol.fields import IdField
from server.http.audit import Audit
from server.http.auth import rate_limited
from server.http.changes import PATH as MESSAGE
from server.http.messages import seq_of
from server.http.ports import Limits, Rate
from server.http.profiles import given
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.ids import IdSource
from server.postgres.reports import NewReport as ReportToKeep
from server.postgres.reports import Report as KeptReport
from server.postgres.reports import ReportStore

PATH = "/api/v1/admin/reports"
REPORTS = Rate(per_second=1 / 30, burst=20)
"""Reports of one user, changes of them included."""
PAGE_DEFAULT, PAGE_MOST = 50, 100  # a copy may be as long as a message

Reason = Literal["spam", "abuse", "illegal", "other"]
Status = Literal["open", "closed"]
Note = Annotated[str, Meta(max_length=1000)]


class NewReport(msgspec.Struct):
    """Why a message is reported."""

    reason: Reason
    note: Note | None = None


class OwnReport(msgspec.Struct, kw_only=True):
    """A report as who made it sees it. ``at`` is a time."""

    id: str
    reason: Reason
    note: str | UnsetType = UNSET
    at: int


class ReportsQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    status: Status | None = None
    after: IdField | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MOST)] = PAGE_DEFAULT


class ReportedMessage(msgspec.Struct, kw_only=True):
    """What a message said when it was reported; without ``body`` that is erased."""

    sender: str
    at: int
    edited_at: int | UnsetType = UNSET
    body: str | UnsetType = UNSET
    files: list[FileInfo] | UnsetType = UNSET


class Report(msgspec.Struct, kw_only=True):
    """A report as admins see it; in a blind room people go by pseudonym here too."""

    id: str
    status: Status
    room: str
    seq: int
    reporter: str
    reason: Reason
    note: str | UnsetType = UNSET
    at: int
    changed_at: int
    message: ReportedMessage
    resolution: str | UnsetType = UNSET
    closed_at: int | UnsetType = UNSET
    closed_by: str | UnsetType = UNSET


class Reports(msgspec.Struct):
    """Reports, newest first."""

    items: list[Report]
    next: str | UnsetType = UNSET


class ReportChange(msgspec.Struct):
    """What becomes of a report; ``resolution`` says what was done."""

    status: Status
    resolution: Note | None = None


class ReportRoutes:
    """The routes of reports."""

    def __init__(
        self,
        *,
        reports: ReportStore,
        limits: Limits,
        clock: WallClock,
        new_id: IdSource,
        audit: Audit,
    ) -> None:
        self._reports, self._limits, self._audit = reports, limits, audit
        self._clock, self._new_id = clock, new_id

    async def report(self, call: Call[NewReport, NoQuery]) -> Answer:
        """Once for each message; again it changes the reason and the note."""
        wait = await self._limits.take(f"report:{call.caller.user_id}", REPORTS)
        if wait:
            raise rate_limited(wait)
        asked = call.body
        new = ReportToKeep(self._new_id(), call.room, seq_of(call), asked.reason, asked.note)
        kept, at, is_new = await self._reports.put(
            new, call.caller.user_no, at=self._clock.now_ms()
        )
        shown = OwnReport(id=kept, reason=asked.reason, note=given(asked.note), at=at)
        return Answer(201 if is_new else 200, shown)

    async def list_all(self, call: Call[None, ReportsQuery]) -> Answer:
        """Reports with what the messages said then, newest first."""
        query = call.query
        found = await self._reports.listed(
            status=query.status, after=query.after, limit=query.limit + 1
        )
        items = [_shown(each) for each in found[: query.limit]]
        await self._audit.seen(call, "report.list", count=len(items))
        return Answer(200, Reports(items, items[-1].id if len(found) > len(items) else UNSET))

    async def change(self, call: Call[ReportChange, NoQuery]) -> Answer:
        """Close a report, or open it again."""
        found = await self._reports.settle(
            call.path["id"],
            status=call.body.status,
            resolution=call.body.resolution,
            by=self._audit.by(call),
        )
        if found is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no such report")
        return Answer(200, _shown(found))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=MESSAGE + "/report",
                name="report_message",
                summary="Report a message",
                handler=self.report,
                body=NewReport,
                answers={201: OwnReport, 200: OwnReport},
                refusals=(403, 410),
            ),
            Route(
                method="GET",
                path=PATH,
                name="list_reports",
                summary="Reports of messages, newest first",
                access=Access.ADMIN,
                handler=self.list_all,
                query=ReportsQuery,
                answers={200: Reports},
            ),
            Route(
                method="PATCH",
                path=PATH + "/{id}",
                name="change_report",
                summary="Close a report, or open it again",
                access=Access.ADMIN,
                handler=self.change,
                body=ReportChange,
                answers={200: Report},
            ),
        )


def _shown(found: KeptReport) -> Report:
    return Report(
        id=found.report,
        status=cast(Status, found.status),
        room=found.room,
        seq=found.seq,
        reporter=found.reporter,
        reason=cast(Reason, found.reason),
        note=given(found.note),
        at=found.at,
        changed_at=found.changed_at,
        message=ReportedMessage(
            sender=found.sender,
            at=found.said_at,
            edited_at=given(found.edited_at),
            body=given(found.body),
            files=files_in(found.extra),
        ),
        resolution=given(found.resolution),
        closed_at=given(found.closed_at),
        closed_by=given(found.closed_by),
    )
