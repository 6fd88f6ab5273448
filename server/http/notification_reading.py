"""Notifications for those whom they are for: what there is, was read, answered, and why."""

from __future__ import annotations

import re
from typing import Final, Literal, cast

from msgspec import UNSET, structs

from actors.notification_records import Platform
from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.http.bodies import invalid
from server.http.notification_parts import ONE, PATH, NotificationParts
from server.http.notification_schemas import (
    LogEntry,
    NewAnswer,
    Notice,
    NoticePage,
    NoticePayload,
    NoticeSender,
    NoticesQuery,
    ReadCount,
    ReadNotices,
    Timeline,
    utc,
)
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.notification_inbox import ListedNotification
from server.postgres.notification_log import LogEntry as StoredEntry

CURSOR: Final = re.compile(r"([0-9]{1,16})\.([!-~]{1,64})")


class NotificationReading:
    """The routes of recipients. What is somebody else's is not there."""

    def __init__(self, parts: NotificationParts, *, clock: WallClock) -> None:
        self._inbox, self._reading, self._log = parts.inbox, parts.reading, parts.log
        self._clock = clock

    async def list_mine(self, call: Call[None, NoticesQuery]) -> Answer:
        """What one was told on the page, newest first; ``unread``: what one has not read."""
        query, user_no, now = call.query, call.caller.user_no, self._clock.now_ms()
        found = await self._inbox.page(
            user_no,
            now=now,
            limit=query.limit + 1,
            before=_place_of(query.cursor),
            unread=query.unread,
        )
        items = found[: query.limit]
        page = NoticePage(
            notifications=[notice_of(each) for each in items],
            unread_count=await self._inbox.unread_count(user_no, now=now),
        )
        if len(found) > len(items):
            page.cursor = f"{items[-1].at}.{items[-1].id}"
        return Answer(200, page)

    async def read(self, call: Call[None, NoQuery]) -> Answer:
        """One has read it: it goes from one's other devices, and is sent nowhere else any more."""
        id = call.path["notification"]  # noqa: A001 - the field's name
        if not await self._reading.read(call.caller.user_no, [id]):
            await self._check_mine(call)
        return Answer(204)

    async def read_many(self, call: Call[ReadNotices, NoQuery]) -> Answer:
        """One has read these, or all; those that are not one's own change nothing."""
        ids = call.body.ids
        once = None if ids is None else list(dict.fromkeys(ids))
        read = await self._reading.read(call.caller.user_no, once)
        return Answer(200, ReadCount(len(read)))

    async def delete(self, call: Call[None, NoQuery]) -> Answer:
        """Have it listed no more."""
        if not await self._reading.delete(call.caller.user_no, call.path["notification"]):
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return Answer(204)

    async def answer(self, call: Call[NewAnswer, NoQuery]) -> Answer:
        """Accept an invitation, or decline it, once: who sent it is told.

        The same answer again changes nothing, and another one is a `conflict`. What was taken back
        or is out of date is `gone`.
        """
        id, said = call.path["notification"], call.body.answer  # noqa: A001 - the field's name
        standing = await self._reading.answer(call.caller.user_no, id, said)
        if standing != said:
            raise ProtocolError(ErrorCode.CONFLICT, f"it was answered before: {standing}")
        return Answer(204)

    async def why(self, call: Call[None, NoQuery]) -> Answer:
        """Why one was told, where, and when; or why not."""
        entries = await self._log.of(call.path["notification"], call.caller.user_no)
        if entries is None:
            await self._check_mine(call)
        return Answer(200, Timeline([entry_of(each) for each in entries or ()]))

    async def _check_mine(self, call: Call[None, NoQuery]) -> None:
        if not await self._inbox.has(call.caller.user_no, call.path["notification"]):
            raise ProtocolError(ErrorCode.NOT_FOUND)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH,
                name="list_notifications",
                summary="What one was told, newest first",
                handler=self.list_mine,
                query=NoticesQuery,
                answers={200: NoticePage},
            ),
            Route(
                method="PUT",
                path=ONE + "/read",
                name="read_notification",
                summary="Say that one has read a notification",
                handler=self.read,
                answers={204: None},
            ),
            Route(
                method="PUT",
                path=PATH + "/read",
                name="read_notifications",
                summary="Say that one has read many, or all",
                handler=self.read_many,
                body=ReadNotices,
                answers={200: ReadCount},
            ),
            Route(
                method="DELETE",
                path=ONE,
                name="delete_notification",
                summary="Delete a notification from one's list",
                handler=self.delete,
                answers={204: None},
            ),
            Route(
                method="PUT",
                path=ONE + "/answer",
                name="answer_notification",
                summary="Accept an invitation, or decline it",
                handler=self.answer,
                body=NewAnswer,
                answers={204: None},
                refusals=(409, 410),
            ),
            Route(
                method="GET",
                path=ONE + "/why",
                name="explain_notification",
                summary="Why one was told something, or not",
                handler=self.why,
                answers={200: Timeline},
            ),
        )


def payload_of(listed: ListedNotification) -> NoticePayload:
    """One of the list as it came."""
    sender, name = listed.sender, listed.sender_name or ""
    return NoticePayload(
        id=listed.id,
        type=listed.type,
        title=listed.title,
        message=listed.message,
        data=dict(listed.data),
        priority=listed.priority,
        timestamp=utc(listed.at),
        sender=UNSET if sender is None else NoticeSender(sender, name),
    )


def notice_of(listed: ListedNotification) -> Notice:
    """One of the list as it is shown."""
    said = UNSET if listed.answer is None else cast("Literal['accept', 'decline']", listed.answer)
    return Notice(**structs.asdict(payload_of(listed)), read=listed.is_read, answer=said)


def entry_of(entry: StoredEntry) -> LogEntry:
    """An entry of the log as it is shown."""
    return LogEntry(
        at=utc(entry.at),
        platform=cast("Platform", entry.platform),
        status=entry.status,
        reason=entry.reason,
        attempt=entry.attempt,
        latency=UNSET if entry.latency_ms is None else entry.latency_ms,
        error=UNSET if entry.error is None else entry.error,
    )


def _place_of(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise invalid("cursor", "must be the cursor of a page")
    return int(found[1]), found[2]
