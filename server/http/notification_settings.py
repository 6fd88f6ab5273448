"""What people want of notifications: which types on which platform, and when nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.notification_records import PLATFORMS, Platform, Preferences, QuietHours
from actors.ports import WallClock
from actors.rules.local_time import is_zone
from actors.rules.notification_types import TYPES, type_of
from protocol.ids import Millis
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.notification_parts import PATH, NotificationParts
from server.http.notification_schemas import AHEAD_MOST_MS, Time, TypeName, millis, utc
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, NoQuery, Route

DAYS = (0, 1, 2, 3, 4, 5, 6)
CHANGES: Final = Rate(per_second=1 / 10, burst=40)
"""Of one user: each has what is held back decided anew, and the page has 36 switches and four more.
"""

ClockTime = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="a time of day such as 22:00")
]
Day = Annotated[int, Meta(ge=0, le=6)]


class QuietTimes(msgspec.Struct, forbid_unknown_fields=True):
    """When nothing is to come; over midnight where ``end`` is not later than ``start``.

    ``days``, 0 Monday to 6 Sunday, on which it begins: every day, unless they are named.
    """

    start: ClockTime
    end: ClockTime
    days: Annotated[list[Day], Meta(min_length=1, max_length=7)] = msgspec.field(
        default_factory=lambda: list(DAYS)
    )


class PreferencesSaid(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What one wants of a platform. ``dndMode``: nothing is to come, until ``dndUntil`` where that
    is said. ``timeZone`` is that of the quiet hours, and of the profile, unless it is named.
    """

    quiet_hours: QuietTimes | None = None
    dnd_mode: bool = False
    dnd_until: Time | None = None
    sound_enabled: bool = True
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class SettingsChange(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """All that one wants of a platform: what is not named is as it is at first.

    ``notificationTypes``: whether one wants a type; those that are not named one does.
    """

    platform: Platform
    notification_types: Annotated[dict[TypeName, bool], Meta(max_length=50)] = {}
    preferences: PreferencesSaid = msgspec.field(default_factory=PreferencesSaid)


class PreferencesShown(msgspec.Struct, kw_only=True, rename="camel"):
    """What one wants of a platform, beside the types."""

    dnd_mode: bool
    sound_enabled: bool
    time_zone: str
    quiet_hours: QuietTimes | UnsetType = UNSET
    dnd_until: datetime | UnsetType = UNSET


class PlatformSettings(msgspec.Struct, rename="camel"):
    """What one wants of a platform; all types are named."""

    platform: Platform
    notification_types: dict[str, bool]
    preferences: PreferencesShown


class AllSettings(msgspec.Struct):
    """Of every platform."""

    settings: list[PlatformSettings]


class NotificationSettingsRoutes:
    """The routes of one's own settings."""

    def __init__(self, parts: NotificationParts, *, limits: Limits, clock: WallClock) -> None:
        self._settings, self._wake, self._clock = parts.settings, parts.wake, clock
        self._limits = limits

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """What one wants of each platform."""
        wanted, now = await self._settings.of(call.caller.user_no), self._clock.now_ms()
        return Answer(200, AllSettings([shown(each, wanted[each], now) for each in PLATFORMS]))

    async def change(self, call: Call[SettingsChange, NoQuery]) -> Answer:
        """Want this of a platform from now on: what was held back there is decided anew."""
        said, now, user_no = call.body, self._clock.now_ms(), call.caller.user_no
        wanted = Preferences(
            types=_types(said.notification_types),
            quiet=_quiet(said.preferences.quiet_hours),
            zone=_zone(said.preferences.time_zone),
            dnd=said.preferences.dnd_mode,
            dnd_until=_until(said.preferences, now),
            sound=said.preferences.sound_enabled,
        )
        if wait := await self._limits.take(f"notification-settings:{user_no}", CHANGES):
            raise rate_limited(wait)
        await self._settings.put(user_no, said.platform, wanted, at=now)
        self._wake()
        kept = (await self._settings.of(user_no))[said.platform]
        return Answer(200, shown(said.platform, kept, now))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/settings",
                name="show_notification_settings",
                summary="What one wants of each platform",
                handler=self.show,
                answers={200: AllSettings},
            ),
            Route(
                method="PUT",
                path=PATH + "/settings",
                name="change_notification_settings",
                summary="Say what one wants of a platform",
                handler=self.change,
                body=SettingsChange,
                answers={200: PlatformSettings},
            ),
        )


def shown(platform: Platform, wanted: Preferences, now: Millis) -> PlatformSettings:
    """As it is now: a time without disturbance may be over."""
    quiet, until = wanted.quiet, wanted.dnd_until
    is_dnd = wanted.dnd and (until is None or until > now)
    preferences = PreferencesShown(
        dnd_mode=is_dnd,
        sound_enabled=wanted.sound,
        time_zone=wanted.zone,
        quiet_hours=UNSET if quiet is None else QuietTimes(quiet.start, quiet.end, [*quiet.days]),
        dnd_until=UNSET if until is None or not is_dnd else utc(until),
    )
    types = {each: wanted.types.get(each, True) for each in TYPES}
    return PlatformSettings(platform, types, preferences)


def _types(said: Mapping[str, bool]) -> dict[str, bool]:
    kept = {}
    for name, is_wanted in said.items():
        kind = type_of(name)
        if kind is None:
            raise invalid("notificationTypes", "must be some of: " + ", ".join(TYPES))
        kept[kind] = is_wanted
    return kept


def _quiet(said: QuietTimes | None) -> QuietHours | None:
    if said is None:
        return None
    if len(set(said.days)) < len(said.days):
        raise invalid("preferences.quietHours.days", "must name each day once")
    return QuietHours(said.start, said.end, tuple(sorted(said.days)))


def _zone(said: str | None) -> str:
    """Without one that of the profile, whatever that will be."""
    if said is not None and not is_zone(said):
        raise invalid("preferences.timeZone", "must be a name such as Asia/Seoul")
    return said or ""


def _until(said: PreferencesSaid, now: Millis) -> Millis | None:
    if said.dnd_until is None:
        return None
    until = millis(said.dnd_until)
    if not said.dnd_mode:
        raise invalid("preferences.dndUntil", "is of dndMode alone")
    if not now < until <= now + AHEAD_MOST_MS:
        raise invalid("preferences.dndUntil", "must be ahead, by a year at most")
    return until
