"""The HTTP application: every subject's blueprint over one table of routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Histogram
from quart import Quart, Response, request
from quart_trio import QuartTrio

from actors.blocking import Blocking
from actors.online import Attendance
from actors.ports import EventLog, WallClock
from actors.requests import Requests
from server.edge.proxies import Network
from server.files.intake import Intake
from server.files.links import Links
from server.files.storage import Storage
from server.http.accounts import Accounts, SignIns
from server.http.admin_addresses import AdminAddresses
from server.http.attendance import AttendanceRoutes
from server.http.audit import Audit, AuditRoutes
from server.http.auth import Gate
from server.http.blocks import BlockRoutes
from server.http.blueprints import blueprint_of
from server.http.bodies import pace_bodies
from server.http.broadcast_figures import FiguresRoutes
from server.http.broadcast_parts import BroadcastParts
from server.http.broadcasts import SendingRoutes
from server.http.calendar_feed import calendar_routes
from server.http.campaign_envelope import enveloped
from server.http.campaign_parts import CampaignParts
from server.http.campaign_routes import campaign_routes
from server.http.changes import ChangeRoutes
from server.http.channels import ChannelRoutes
from server.http.docs import docs_blueprint
from server.http.downloads import DownloadRoutes
from server.http.errors import answer_failures
from server.http.explaining import ExplainRoutes
from server.http.exports import ExportRoutes
from server.http.friends import FriendRoutes
from server.http.groups import GroupRoutes
from server.http.health import Checks, HealthRoutes, metrics_blueprint
from server.http.hearing import HearingRoutes
from server.http.idempotency import Repeats
from server.http.matching import MatchingRooms
from server.http.meeting_parts import MeetingParts
from server.http.meeting_routes import meeting_routes
from server.http.messages import MessageRoutes
from server.http.notification_parts import NotificationParts
from server.http.notification_routes import notification_routes
from server.http.openapi import openapi_document, tag_of
from server.http.pages import DemoRoutes, pages_blueprint
from server.http.people import Others
from server.http.ports import Limits, Log, Rate
from server.http.reports import ReportRoutes
from server.http.reveals import RevealRoutes
from server.http.rooms import RoomRoutes
from server.http.route import Route
from server.http.schemas import DemoAccount
from server.http.search import SearchRoutes
from server.http.tus import RESUMABLE, VERSION
from server.http.unread import UnreadRoutes
from server.http.uploads import UploadRoutes
from server.ids import IdSource
from server.memory.limits import LocalLimits
from server.passwords import Passwords
from server.postgres.attendance import AttendanceStore
from server.postgres.audit import AuditStore
from server.postgres.blocks import BlockStore
from server.postgres.exports import ExportStore
from server.postgres.files import FileStore
from server.postgres.idempotency import KeptAnswers
from server.postgres.matching import MatchingStore
from server.postgres.messages import MessageStore
from server.postgres.readers import ReaderStore
from server.postgres.reports import ReportStore
from server.postgres.reveals import RevealStore
from server.postgres.rooms import RoomStore
from server.postgres.searching import SearchStore
from server.postgres.threads import ThreadStore
from server.postgres.users import UserStore
from server.tokens import Tokens

REQUEST_BOUNDS = (0.005, 0.025, 0.1, 0.5, 2.5)
"""Seconds of a request, up to which each bucket of the histogram counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is put together from."""

    users: UserStore
    rooms: RoomStore
    events: EventLog
    messages: MessageStore
    matching: MatchingStore
    reveals: RevealStore
    exports: ExportStore
    blocks: BlockStore
    blocking: Blocking
    reports: ReportStore
    audit: AuditStore
    present: AttendanceStore
    attendance: Attendance
    threads: ThreadStore
    readers: ReaderStore
    search: SearchStore
    kept_answers: KeptAnswers
    files: FileStore
    intake: Intake
    storage: Storage
    links: Links
    ids_key: bytes  # names what requests with an Idempotency-Key make
    requests: Requests
    tokens: Tokens
    passwords: Passwords
    limits: Limits
    clock: WallClock
    new_id: IdSource
    registry: CollectorRegistry
    checks: Checks  # what /readyz asks
    web: Path  # the folder of the page
    demo: Sequence[DemoAccount]
    rate: Rate  # requests of one user
    admin_addresses: Sequence[Network]  # that admins may act from
    broadcasts: BroadcastParts
    campaigns: CampaignParts
    notifications: NotificationParts
    meetings: MeetingParts
    log: Log
    version: str


def make_routes(parts: Parts) -> list[Route]:
    """The table of routes."""
    return [
        *_routes_of_people(parts),
        *_routes_of_rooms(parts),
        *_routes_of_files(parts),
        *_routes_of_broadcasts(parts),
        *_routes_of_campaigns(parts),
        *_routes_of_notifications(parts),
        *_routes_of_meetings(parts),
        *_routes_of_calendars(parts),
        *DemoRoutes(parts.demo).routes(),
        *HealthRoutes(parts.checks).routes(),
    ]


def _routes_of_people(parts: Parts) -> list[Route]:
    sign_ins = SignIns(tokens=parts.tokens, limits=parts.limits, clock=parts.clock)
    accounts = Accounts(
        users=parts.users,
        passwords=parts.passwords,
        sign_ins=sign_ins,
        requests=parts.requests,
        new_id=parts.new_id,
        renamed=parts.broadcasts.stores.lists.renamed,
    )
    audit = _audit(parts)
    others = Others(users=parts.users, requests=parts.requests, audit=audit)
    blocks = BlockRoutes(
        users=parts.users,
        blocks=parts.blocks,
        blocking=parts.blocking,
        reading=parts.notifications.reading,
        limits=parts.limits,
        audit=audit,
    )
    log = AuditRoutes(store=parts.audit, users=parts.users, audit=audit)
    friending = parts.notifications.friending
    friends = FriendRoutes(users=parts.users, friending=friending, limits=parts.limits)
    subjects = (accounts, others, blocks, friends, log)
    return [route for subject in subjects for route in subject.routes()]


def _routes_of_rooms(parts: Parts) -> list[Route]:
    audit = _audit(parts)
    rooms = RoomRoutes(
        rooms=parts.rooms,
        users=parts.users,
        blocks=parts.blocks,
        requests=parts.requests,
        matching=MatchingRooms(
            matching=parts.matching,
            rooms=parts.rooms,
            users=parts.users,
            blocks=parts.blocks,
            requests=parts.requests,
            audit=audit,
        ),
        repeats=Repeats(parts.kept_answers, clock=parts.clock, ids_key=parts.ids_key),
        new_id=parts.new_id,
    )
    messages = MessageRoutes(requests=parts.requests, events=parts.events, new_id=parts.new_id)
    changes = ChangeRoutes(requests=parts.requests, messages=parts.messages)
    channels = ChannelRoutes(rooms=parts.rooms, users=parts.users, requests=parts.requests)
    reveals = RevealRoutes(reveals=parts.reveals, requests=parts.requests, audit=audit)
    exports = ExportRoutes(exports=parts.exports, rooms=parts.rooms, clock=parts.clock, audit=audit)
    reports = ReportRoutes(
        reports=parts.reports,
        limits=parts.limits,
        clock=parts.clock,
        new_id=parts.new_id,
        audit=audit,
    )
    attendance = AttendanceRoutes(store=parts.present, attendance=parts.attendance)
    search = SearchRoutes(search=parts.search, rooms=parts.rooms, limits=parts.limits)
    unread = _unread(parts)
    subjects = (
        *(rooms, channels, attendance, messages, changes),
        *(unread, reports, reveals, exports, search),
    )
    return [route for subject in subjects for route in subject.routes()]


def _routes_of_files(parts: Parts) -> list[Route]:
    uploads = UploadRoutes(intake=parts.intake, files=parts.files, limits=parts.limits)
    downloads = DownloadRoutes(
        files=parts.files, storage=parts.storage, links=parts.links, audit=_audit(parts)
    )
    return [*uploads.routes(), *downloads.routes()]


def _routes_of_broadcasts(parts: Parts) -> list[Route]:
    known, audit = parts.broadcasts, _audit(parts)
    sending = SendingRoutes(
        known,
        intake=parts.intake,
        limits=parts.limits,
        repeats=Repeats(parts.kept_answers, clock=parts.clock, ids_key=parts.ids_key),
        clock=parts.clock,
        new_id=parts.new_id,
    )
    hearing = HearingRoutes(
        stores=known.stores,
        requests=parts.requests,
        notices=known.notices,
        clock=parts.clock,
        new_id=parts.new_id,
    )
    explaining = ExplainRoutes(
        views=known.stores.views,
        store=known.runs,
        selection=known.selection,
        users=parts.users,
        audit=audit,
    )
    groups = GroupRoutes(
        groups=known.stores.groups,
        lists=known.stores.lists,
        users=parts.users,
        audit=audit,
        new_id=parts.new_id,
    )
    figures = FiguresRoutes(
        figures=known.stores.figures, selection=known.selection, clock=parts.clock, audit=audit
    )
    subjects = (sending, groups, hearing, explaining, figures)
    return [route for subject in subjects for route in subject.routes()]


def _routes_of_campaigns(parts: Parts) -> list[Route]:
    return campaign_routes(
        parts.campaigns,
        users=parts.users,
        repeats=Repeats(parts.kept_answers, clock=parts.clock, ids_key=parts.ids_key),
        clock=parts.clock,
        new_id=parts.new_id,
        audit=_audit(parts),
    )


def _routes_of_notifications(parts: Parts) -> list[Route]:
    return notification_routes(
        parts.notifications,
        users=parts.users,
        limits=parts.limits,
        clock=parts.clock,
        new_id=parts.new_id,
        audit=_audit(parts),
    )


def _routes_of_meetings(parts: Parts) -> list[Route]:
    return meeting_routes(
        parts.meetings,
        users=parts.users,
        repeats=Repeats(parts.kept_answers, clock=parts.clock, ids_key=parts.ids_key),
        limits=parts.limits,
        clock=parts.clock,
        new_id=parts.new_id,
    )


def _routes_of_calendars(parts: Parts) -> list[Route]:
    return calendar_routes(
        parts.meetings.calendars, users=parts.users, limits=parts.limits, clock=parts.clock
    )


def _audit(parts: Parts) -> Audit:
    return Audit(parts.audit, clock=parts.clock)


def _unread(parts: Parts) -> UnreadRoutes:
    return UnreadRoutes(
        requests=parts.requests,
        rooms=parts.rooms,
        threads=parts.threads,
        readers=parts.readers,
    )


def make_http(parts: Parts) -> QuartTrio:
    """The ASGI application."""
    app = QuartTrio("madang", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    pace_bodies(app)
    answer_failures(app, log=parts.log)
    Quart.after_request(app, _guard)
    Quart.after_request(app, enveloped)
    took = Histogram(
        "madang_http_request_seconds",
        "Requests, from their head to their answer's.",
        labelnames=["route"],
        buckets=REQUEST_BOUNDS,
        registry=parts.registry,
    )
    gate = Gate(
        tokens=parts.tokens,
        people=parts.users,
        rate=parts.rate,
        limits=LocalLimits(),
        admins=AdminAddresses(parts.admin_addresses),
    )
    routes = make_routes(parts)
    for subject in dict.fromkeys(map(tag_of, routes)):
        chosen = [route for route in routes if tag_of(route) == subject]
        app.register_blueprint(blueprint_of(subject, chosen, gate, took))
    app.register_blueprint(docs_blueprint(openapi_document(routes, version=parts.version)))
    app.register_blueprint(metrics_blueprint(parts.registry))
    app.register_blueprint(pages_blueprint(parts.web))
    return app


async def _guard(response: Response) -> Response:
    """What every answer says to browsers and to caches on the way."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if RESUMABLE in request.headers:
        response.headers[RESUMABLE] = VERSION
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["X-Frame-Options"] = "DENY"
    return response
