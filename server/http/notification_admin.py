"""Notifications for admins: how they do, why somebody was told or not, and their texts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType, structs

from actors.ports import WallClock
from actors.rules.notification_text import DEFAULTS, Template, check_template
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import MAX_INT
from protocol.ids import Millis
from server.http.audit import Audit
from server.http.bodies import invalid
from server.http.names import normal
from server.http.notification_content import fault_text
from server.http.notification_parts import ADMIN, NotificationParts
from server.http.notification_reading import entry_of
from server.http.notification_schemas import (
    PAGE_DEFAULT,
    Limit,
    LogEntry,
    Message,
    Timeline,
    Title,
    utc,
)
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.postgres.notification_log import LogEntry as StoredEntry
from server.postgres.notification_log import PlatformFigures
from server.postgres.notification_templates import Language
from server.postgres.users import UserStore

HOUR_MS: Final = 3_600_000
TEMPLATES: Final = ADMIN + "/templates"
TEMPLATE: Final = TEMPLATES + "/{type}/{language}"


class StatisticsQuery(msgspec.Struct):
    """Of how many ``hours`` up to now."""

    hours: Annotated[int, Meta(ge=1, le=30 * 24)] = 24


class PlatformStatistics(msgspec.Struct, kw_only=True, rename="camel"):
    """Of one platform: how many decisions and attempts came out as each ``status``, and for each
    ``reason``; how long providers took, in milliseconds, in half of the cases and in 95 % at most.

    ``waiting`` are due now, the oldest of them for ``oldest`` milliseconds. ``successRate`` is from
    0 to 1: of what was settled, how much was sent.
    """

    statuses: dict[str, int]
    reasons: dict[str, int]
    success_rate: float | UnsetType = UNSET
    latency_p50: int | UnsetType = UNSET
    latency_p95: int | UnsetType = UNSET
    waiting: int
    oldest: int


class Statistics(msgspec.Struct):
    """Notifications of the last ``hours``, by platform."""

    hours: int
    platforms: dict[str, PlatformStatistics]


class UserLogQuery(msgspec.Struct):
    """``cursor`` is the ``next`` of the page before."""

    cursor: Annotated[int, Meta(ge=1, le=MAX_INT)] | None = None
    limit: Limit = PAGE_DEFAULT


class UserLogEntry(LogEntry, kw_only=True):
    """A decision or an attempt, and which ``notification`` it was about, while that is kept."""

    type: str
    notification: str | UnsetType = UNSET


class UserLog(msgspec.Struct):
    """What was decided and tried for somebody, newest first."""

    items: list[UserLogEntry]
    next: int | UnsetType = UNSET


class TemplateChange(msgspec.Struct, forbid_unknown_fields=True):
    """The texts from now on, with {title}, {message}, {sender} and {count} in them."""

    title: Title
    message: Message


class TemplateShown(msgspec.Struct):
    """How a type is told outside the page. ``version`` 0 came with the server."""

    type: str
    language: Language
    version: int
    title: str
    message: str


class TemplateList(msgspec.Struct):
    """One for each type and language."""

    templates: list[TemplateShown]


class TemplateVersion(msgspec.Struct, kw_only=True, rename="camel"):
    """A version that the admin ``createdBy`` made."""

    version: int
    title: str
    message: str
    created_at: datetime
    created_by: str | UnsetType = UNSET


class TemplateHistory(msgspec.Struct):
    """The template of now, and the versions that admins made, newest first."""

    current: TemplateShown
    versions: list[TemplateVersion]


class NotificationAdmin:
    """The routes of admins: each look at people is recorded."""

    def __init__(
        self, parts: NotificationParts, *, users: UserStore, clock: WallClock, audit: Audit
    ) -> None:
        self._log, self._templates = parts.log, parts.templates
        self._users, self._clock, self._audit = users, clock, audit

    async def statistics(self, call: Call[None, StatisticsQuery]) -> Answer:
        """How notifications do."""
        now, hours = self._clock.now_ms(), call.query.hours
        found = await self._log.statistics(Millis(now - hours * HOUR_MS), now=now)
        await self._audit.seen(call, "notification.statistics")
        platforms = {name: statistics_of(each) for name, each in found.items()}
        return Answer(200, Statistics(hours, platforms))

    async def why(self, call: Call[None, NoQuery]) -> Answer:
        """Why somebody was told this, where, and when; or why not."""
        id = call.path["notification"]  # noqa: A001 - the field's name
        entries = await self._log.of(id)
        if entries is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        await self._audit.seen(call, "notification.explain", count=len(entries), notification=id)
        return Answer(200, Timeline([entry_of(each) for each in entries]))

    async def user_log(self, call: Call[None, UserLogQuery]) -> Answer:
        """What was decided and tried for somebody, by id or username."""
        name, query = normal(call.path["user"]), call.query
        person = (await self._users.named([name])).get(name)
        if person is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no such user")
        found = await self._log.of_user(person.user_no, before=query.cursor, limit=query.limit + 1)
        items = found[: query.limit]
        about = {"subject_no": person.user_no, "count": len(items)}
        await self._audit.seen(call, "notification.log", **about)
        after = items[-1].log_no if len(found) > len(items) else UNSET
        return Answer(200, UserLog([user_entry_of(each) for each in items], after))

    async def templates(self, call: Call[None, NoQuery]) -> Answer:
        """How each type is told outside the page."""
        found = await self._templates.all()
        await self._audit.seen(call, "notification.templates", count=len(found))
        shown = [template_of(*kind, template) for kind, template in sorted(found.items())]
        return Answer(200, TemplateList(shown))

    async def template(self, call: Call[None, NoQuery]) -> Answer:
        """How a type is told in a language, and was before."""
        type, language = _kind(call)  # noqa: A001
        current = (await self._templates.all())[type, language]
        versions = await self._templates.versions(type, language)
        about: dict[str, Any] = {"type": type, "language": language}
        await self._audit.seen(call, "notification.template", count=len(versions), **about)
        shown = [
            TemplateVersion(
                version=each.version,
                title=each.title,
                message=each.message,
                created_at=utc(each.at),
                created_by=UNSET if each.by is None else each.by,
            )
            for each in versions
        ]
        return Answer(200, TemplateHistory(template_of(type, language, current), shown))

    async def change_template(self, call: Call[TemplateChange, NoQuery]) -> Answer:
        """Tell it so from now on. Another node may need half a minute to know."""
        type, language = _kind(call)  # noqa: A001
        title, message = call.body.title, call.body.message
        parts = (("title", (title, "{message}")), ("message", ("{title}", message)))
        for field, texts in (*parts, ("message", (title, message))):
            try:
                check_template(*texts)
            except ValueError as error:
                raise invalid(field, fault_text(str(error))) from None
        by = self._audit.by(call)
        made = await self._templates.add(type, language, title, message, by)
        return Answer(200, template_of(type, language, made))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=ADMIN + "/statistics",
                name="show_notification_statistics",
                summary="How notifications do",
                access=Access.ADMIN,
                handler=self.statistics,
                query=StatisticsQuery,
                answers={200: Statistics},
            ),
            Route(
                method="GET",
                path=ADMIN + "/{notification}/why",
                name="explain_any_notification",
                summary="Why somebody was told something, or not",
                access=Access.ADMIN,
                handler=self.why,
                answers={200: Timeline},
            ),
            Route(
                method="GET",
                path=ADMIN + "/users/{user}/log",
                name="list_notification_log",
                summary="What was decided and tried for somebody",
                access=Access.ADMIN,
                handler=self.user_log,
                query=UserLogQuery,
                answers={200: UserLog},
            ),
            Route(
                method="GET",
                path=TEMPLATES,
                name="list_notification_templates",
                summary="How each type is told outside the page",
                access=Access.ADMIN,
                handler=self.templates,
                answers={200: TemplateList},
            ),
            Route(
                method="GET",
                path=TEMPLATE,
                name="show_notification_template",
                summary="How a type is told, and was before",
                access=Access.ADMIN,
                handler=self.template,
                answers={200: TemplateHistory},
            ),
            Route(
                method="PUT",
                path=TEMPLATE,
                name="change_notification_template",
                summary="Tell a type in other words",
                access=Access.ADMIN,
                handler=self.change_template,
                body=TemplateChange,
                answers={200: TemplateShown},
                refusals=(409,),
            ),
        )


def statistics_of(figures: PlatformFigures) -> PlatformStatistics:
    """A platform's figures as they are shown."""
    sent = figures.counts.get("sent", 0)
    settled = sent + sum(figures.counts.get(each, 0) for each in ("failed", "unknown"))
    p50, p95 = figures.latency_p50_ms, figures.latency_p95_ms
    return PlatformStatistics(
        statuses=dict(figures.counts),
        reasons=dict(figures.reasons),
        success_rate=sent / settled if settled else UNSET,
        latency_p50=UNSET if p50 is None else p50,
        latency_p95=UNSET if p95 is None else p95,
        waiting=figures.waiting,
        oldest=figures.oldest_ms,
    )


def user_entry_of(entry: StoredEntry) -> UserLogEntry:
    """An entry of somebody's log."""
    known = entry.notification_id
    return UserLogEntry(
        **structs.asdict(entry_of(entry)),
        type=entry.type,
        notification=UNSET if known is None else known,
    )


def template_of(type: str, language: str, template: Template) -> TemplateShown:  # noqa: A002
    """A template as it is shown."""
    return TemplateShown(
        type, cast("Language", language), template.version, template.title, template.message
    )


def _kind(call: Call[Any, NoQuery]) -> tuple[str, Language]:
    kind = (call.path["type"], call.path["language"])
    if kind not in DEFAULTS:
        raise ProtocolError(ErrorCode.NOT_FOUND, "there is no such type or language")
    return kind[0], cast("Language", kind[1])
