"""All routes of meetings, put together."""

from __future__ import annotations

from actors.ports import WallClock
from server.http.idempotency import Repeats
from server.http.meeting_calendar import MeetingCalendarRoutes
from server.http.meeting_changes import MeetingChangeRoutes
from server.http.meeting_parts import MeetingDesk, MeetingParts
from server.http.meetings import MeetingRoutes
from server.http.ports import Limits
from server.http.route import Route
from server.ids import IdSource
from server.postgres.users import UserStore


def meeting_routes(
    parts: MeetingParts,
    *,
    users: UserStore,
    repeats: Repeats,
    limits: Limits,
    clock: WallClock,
    new_id: IdSource,
) -> list[Route]:
    """What can be asked of meetings."""
    desk = MeetingDesk(parts.store, limits=limits, clock=clock)
    seen = MeetingRoutes(parts, desk, users=users, repeats=repeats, new_id=new_id)
    changed = MeetingChangeRoutes(parts, desk, new_id=new_id)
    return [*seen.routes(), *changed.routes(), *MeetingCalendarRoutes(desk).routes()]
