"""What rows of notifications become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from actors.notification_records import (
    OutgoingNotification,
    Preferences,
    QuietHours,
    Shown,
    WaitingLeg,
    Window,
)
from protocol.ids import Millis, UserId
from protocol.notices import Notification


class StoredPreferences(msgspec.Struct, rename="camel", omit_defaults=True):
    """As specification 003 names them."""

    quiet_hours: QuietHours | None = None
    time_zone: str = ""
    dnd_mode: bool = False
    dnd_until: Millis | None = None
    sound_enabled: bool = True


NOTHING_SAID: Final = Preferences()
_types = msgspec.json.Decoder(dict[str, bool]).decode
_stored = msgspec.json.Decoder(StoredPreferences).decode
_windows = msgspec.json.Decoder(dict[str, tuple[Millis, int]]).decode
_data = msgspec.json.Decoder(dict[str, Any]).decode


def preferences_of(types: str | None, stored: str | None, zone: str) -> Preferences:
    """Of one platform; who has said nothing lives by the *zone* of his profile."""
    if stored is None and zone == NOTHING_SAID.zone:
        return NOTHING_SAID
    said = StoredPreferences() if stored is None else _stored(stored)
    return Preferences(
        types={} if types is None else _types(types),
        quiet=said.quiet_hours,
        zone=said.time_zone or zone,
        dnd=said.dnd_mode,
        dnd_until=said.dnd_until,
        sound=said.sound_enabled,
    )


def stored_of(wanted: Preferences) -> tuple[str, str]:
    """The types and the rest, as they are stored."""
    rest = StoredPreferences(wanted.quiet, wanted.zone, wanted.dnd, wanted.dnd_until, wanted.sound)
    return msgspec.json.encode(wanted.types).decode(), msgspec.json.encode(rest).decode()


def data_of(row: Any) -> Mapping[str, Any]:
    """What the sender has put to a notification."""
    return _data(row["data"])


def waiting_of(row: Any) -> WaitingLeg:
    """A row of FACTS."""
    wanted, windows, fault = NOTHING_SAID, dict[str, tuple[Millis, int]](), ""
    try:
        wanted = preferences_of(row["types"], row["preferences"], row["time_zone"])
        windows = {} if row["windows"] is None else _windows(row["windows"])
        data_of(row)
    except msgspec.MsgspecError as error:
        fault = str(error)
    return WaitingLeg(
        leg_no=row["leg_no"],
        notification_no=row["notification_no"],
        id=row["notification_id"],
        recipient_no=row["recipient_no"],
        recipient=UserId(row["user_id"]),
        is_active=row["is_active"],
        is_blocked=row["is_blocked"],
        is_seen=row["is_seen"],
        sender_no=row["sender_no"],
        type=row["notification_type"],
        title=row["title"],
        priority=row["priority"],
        collapse_key=row["collapse_key"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        platform=row["platform"],
        held_for=row["reason"],
        hold_key=row["hold_key"],
        held_since=row["held_at"],
        preferences=wanted,
        endpoints=tuple(sorted(row["endpoints"])),
        windows={group: Window(*window) for group, window in windows.items()},
        fault=fault,
    )


def shown_of(
    row: Any, leg: WaitingLeg, gone: tuple[str, ...], at: Millis, *, is_silent: bool
) -> Shown:
    """A row of FACTS that is shown from now on."""
    frame = Notification(
        id=leg.id,
        type=leg.type,
        title=leg.title,
        body=row["message"],
        data=dict(data_of(row)),
        priority=leg.priority,
        at=at,
        sender=UNSET if row["sender"] is None else row["sender"],
    )
    return Shown(
        leg.recipient, leg.recipient_no, frame, gone, leg.preferences.sound and not is_silent
    )


def outgoing_of(row: Any, lease: int) -> tuple[OutgoingNotification, bool]:
    """A row of BEGIN, and whether all of it can be read."""
    data, is_sound = dict[str, Any](), True
    try:
        data = _data(row["data"])
    except msgspec.MsgspecError:
        is_sound = False
    leg = OutgoingNotification(
        leg_no=row["leg_no"],
        id=f"{row['notification_id']}-{row['endpoint_no']}",
        notification_id=row["notification_id"],
        platform=row["platform"],
        endpoint_no=row["endpoint_no"],
        recipient_no=row["recipient_no"],
        type=row["notification_type"],
        title=row["title"],
        message=row["message"],
        data=data,
        priority=row["priority"],
        language="ko" if row["language"].startswith("ko") else "en",
        sender_no=row["sender_no"],
        sender=row["sender_name"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        attempt=row["attempt"],
        lease=lease,
        collapse_key=row["collapse_key"],
        merged=tuple(row["merged"]),
        merged_count=row["merged_count"],
        take_back=row["provider_ref"] if row["state"] == "withdraw" else None,
    )
    return leg, is_sound
