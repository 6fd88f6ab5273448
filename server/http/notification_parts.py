"""What the routes of notifications are put together from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from actors.notification_feed import NotificationFeed
from actors.notification_ports import NotificationQueue
from server.friending import Friending
from server.http.notification_inbound import InboundParts
from server.http.notification_phones import PhoneProof
from server.http.notification_recipients import Recipients
from server.notification_reading import Reading
from server.postgres.notification_endpoints import NotificationEndpoints
from server.postgres.notification_inbox import NotificationInbox
from server.postgres.notification_log import NotificationLog
from server.postgres.notification_settings import NotificationSettings
from server.postgres.notification_templates import NotificationTemplates
from server.providers.outside_addresses import AddressReader

PATH: Final = "/api/notifications"
ONE: Final = PATH + "/{notification}"
ADMIN: Final = "/api/admin/notifications"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationTerms:
    """What is set for all notifications. Without a ``push_key`` no browser can subscribe; ``kinds``
    are those of endpoints that something can be sent to.
    """

    push_key: str | None
    kinds: Collection[str]
    forbidden: Collection[str]
    """Words that nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationParts:
    """What the routes of notifications are put together from.

    ``wake`` tells their router that there is something to decide. Without ``phones`` nobody can
    show that a phone is his.
    """

    queue: NotificationQueue
    inbox: NotificationInbox
    reading: Reading
    friending: Friending
    settings: NotificationSettings
    log: NotificationLog
    recipients: Recipients
    endpoints: NotificationEndpoints
    addresses: AddressReader
    phones: PhoneProof | None
    templates: NotificationTemplates
    feed: NotificationFeed
    inbound: InboundParts
    wake: Callable[[], None]
    terms: NotificationTerms
