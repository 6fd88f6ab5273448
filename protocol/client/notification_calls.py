"""What a client asks over HTTP of notifications: to send them, to read them, and how to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from protocol.client.http import Http
from protocol.client.record import Record

NOTIFICATIONS: Final = "/api/notifications"


class NotificationCalls:
    """Calls about notifications; they answer and raise as `HttpCalls` says. Names are in camel
    case, in *more* too, and times are texts such as 2027-01-15T10:00:00+09:00.
    """

    _http: Http

    # ---- sending

    async def notify(self, user: str, type: str, title: str, message: str, **more: Any) -> Record:  # noqa: A002
        """Notify *user*, by id or username, of whom one is a friend or shares a room: id, status.

        *more*: data, platforms (web, push, kakao, discord), priority (1 to 4), scheduledAt, routing
        (all or fallback), unreadAfter, dedupeKey, ttl and collapseKey. After RequestTimeout it may
        have been sent; with a dedupeKey the same again is the same notification.
        """
        fields = {"recipientId": user, "type": type, "title": title, "message": message}
        return await self._notifications("POST", "send", body=fields | more)

    async def notify_many(self, notifications: Sequence[Mapping[str, Any]]) -> Record:
        """For admins: up to 500 at once, each with recipientId, type, title, message and *more* of
        `notify`. ``results`` has the id of each, or the ``code`` of why not.
        """
        body = {"notifications": [dict(each) for each in notifications]}
        return await self._notifications("POST", "send", "batch", body=body)

    async def sent_notification(self, notification: str) -> Record:
        """What became of one that one has sent: ``platforms``, each with its status and reason."""
        return await self._notifications("GET", "sent", notification)

    async def cancel_notification(self, notification: str) -> None:
        """Take it back where it was not sent yet; ``conflict`` where there is nothing left."""
        await self._notifications("DELETE", "sent", notification)

    # ---- reading

    async def notifications(
        self, *, unread: bool = False, after: str | None = None, limit: int | None = None
    ) -> Record:
        """What one was told, newest first, and ``unreadCount``, which is 1,000 at most. *after* is
        the ``cursor`` of the page before.
        """
        query = {"unread": "true" if unread else None, "cursor": after, "limit": limit}
        return await self._notifications("GET", query=query)

    async def read_notification(self, notification: str) -> None:
        """Say that one has read it: it goes from one's other devices."""
        await self._notifications("PUT", notification, "read")

    async def read_notifications(self, ids: Sequence[str] | None = None) -> Record:
        """The same of many, or of all; how many of them had not been ``read``."""
        body = {} if ids is None else {"ids": list(ids)}
        return await self._notifications("PUT", "read", body=body)

    async def delete_notification(self, notification: str) -> None:
        """Have it listed no more."""
        await self._notifications("DELETE", notification)

    async def answer_invitation(self, notification: str, answer: str) -> None:
        """Accept or decline, once; ``conflict`` after another answer."""
        await self._notifications("PUT", notification, "answer", body={"answer": answer})

    async def why_notified(self, notification: str) -> Record:
        """Why one was told, where and when, or why not: ``entries``, the oldest first."""
        return await self._notifications("GET", notification, "why")

    # ---- how one is told

    async def notification_settings(self) -> Record:
        """What one wants of each platform: ``settings``."""
        return await self._notifications("GET", "settings")

    async def change_notification_settings(
        self, platform: str, types: Mapping[str, bool] | None = None, **preferences: Any
    ) -> Record:
        """Want this of a platform, and else what is so at first; its settings.

        *preferences*: quietHours (start, end, days), dndMode, dndUntil, soundEnabled, timeZone.
        """
        body = {
            "platform": platform,
            "notificationTypes": dict(types or {}),
            "preferences": preferences,
        }
        return await self._notifications("PUT", "settings", body=body)

    async def endpoints(self) -> Record:
        """The ways to oneself beside the page, by what may be shown of them: ``endpoints``; and the
        ``ways`` that one can add there.
        """
        return await self._notifications("GET", "endpoints")

    async def add_discord_webhook(self, url: str) -> Record:
        """Be told by a webhook of Discord; the endpoint."""
        return await self._notifications("POST", "endpoints", "discord", body={"webhookUrl": url})

    async def add_phone(self, code: str | None = None) -> Record:
        """Be told by AlimTalk at the phone of one's profile. Without a *code* one is sent there,
        which holds until ``expiresAt``; with it, said again here, the endpoint.
        """
        body = {} if code is None else {"code": code}
        return await self._notifications("POST", "endpoints", "kakao", body=body)

    async def remove_endpoint(self, endpoint: str) -> None:
        """Be reached by one no more."""
        await self._notifications("DELETE", "endpoints", endpoint)

    async def link_code(self, platform: str) -> Record:
        """A ``code`` to tell the bot of kakao or discord once, until ``expiresAt``."""
        return await self._notifications("POST", "links", body={"platform": platform})

    async def _notifications(self, method: str, *parts: str, **asked: Any) -> Record:
        return await self._http.ask(method, *parts, below=NOTIFICATIONS, **asked)
