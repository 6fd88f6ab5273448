"""All routes of notifications, over what they are put together from."""

from __future__ import annotations

from actors.ports import WallClock
from server.http.audit import Audit
from server.http.notification_admin import NotificationAdmin
from server.http.notification_endpoints import NotificationEndpointRoutes
from server.http.notification_inbound import inbound_routes
from server.http.notification_parts import NotificationParts
from server.http.notification_reading import NotificationReading
from server.http.notification_sending import NotificationSending
from server.http.notification_settings import NotificationSettingsRoutes
from server.http.notification_stream import NotificationStream
from server.http.ports import Limits
from server.http.route import Route
from server.ids import IdSource
from server.postgres.users import UserStore


def notification_routes(
    parts: NotificationParts,
    *,
    users: UserStore,
    limits: Limits,
    clock: WallClock,
    new_id: IdSource,
    audit: Audit,
) -> list[Route]:
    """Those of senders, of those who are told, of admins, and of bots."""
    subjects = (
        NotificationSending(parts, limits=limits, clock=clock, new_id=new_id, audit=audit),
        NotificationReading(parts, clock=clock),
        NotificationSettingsRoutes(parts, limits=limits, clock=clock),
        NotificationStream(parts, users=users, limits=limits, clock=clock),
        NotificationEndpointRoutes(parts, users=users, limits=limits, clock=clock),
        NotificationAdmin(parts, users=users, clock=clock, audit=audit),
    )
    own = [route for subject in subjects for route in subject.routes()]
    inbound = inbound_routes(
        parts.inbound,
        addresses=parts.addresses,
        endpoints=parts.endpoints,
        users=users,
        limits=limits,
        clock=clock,
        new_id=new_id,
    )
    return [*own, *inbound]
