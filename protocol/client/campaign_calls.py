"""What admins ask over HTTP of campaigns, and anybody of his own consents to advertising."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from protocol.client.http import API, Http
from protocol.client.record import Record

MESSAGES: Final = "/api/admin/messages"


class CampaignCalls:
    """Calls about campaigns, ``forbidden`` for who is no admin, or not where admins may act.

    They answer with the ``data`` of the envelope, and raise as `HttpCalls` says; its names are in
    camel case, and so are those of *more*: title, channel (in_app or http), advertising, priority
    (1 to 4), conditions, ramp and scheduledAt. With a *key* the same again is the same job.
    """

    _http: Http

    async def preview_campaign(self, age_group: str, message: str, **more: Any) -> Record:
        """Whom it would reach, who is left out and why, what it costs; nothing is sent."""
        body = {"ageGroup": age_group, "message": message, **more}
        return await self._campaigns("POST", "preview", body=body)

    async def send_campaign(
        self, age_group: str, message: str, *, key: str | None = None, **more: Any
    ) -> Record:
        """Send to everyone of an age group (TEENS to FORTIES, FIFTIES_PLUS): jobId, totalUsers, …

        After RequestTimeout it may have been made: the same *key* tells.
        """
        body = {"ageGroup": age_group, "message": message, **more}
        return await self._campaigns("POST", "send", body=body, key=key)

    async def test_campaign(
        self,
        users: Sequence[str],
        message: str,
        *,
        channel: str = "in_app",
        advertising: bool = False,
        key: str | None = None,
    ) -> Record:
        """Send to 1 to 20 people, by id or username, and to nobody else; a job like others."""
        body = {"userIds": list(users), "message": message, "channel": channel}
        return await self._campaigns(
            "POST", "test", body=body | {"advertising": advertising}, key=key
        )

    async def campaigns(
        self, *, status: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Record:
        """Jobs, newest first."""
        query = {"status": status, "cursor": after, "limit": limit}
        return await self._campaigns("GET", "send", query=query)

    async def show_campaign(self, job: str) -> Record:
        """How far a job is."""
        return await self._campaigns("GET", "send", job, "status")

    async def pause_campaign(self, job: str) -> Record:
        """Stop it for now; the job."""
        return await self._campaigns("POST", "send", job, "pause")

    async def resume_campaign(self, job: str) -> Record:
        """Go on with one that was paused; the job."""
        return await self._campaigns("POST", "send", job, "resume")

    async def cancel_campaign(self, job: str) -> Record:
        """Stop it for good; the job."""
        return await self._campaigns("POST", "send", job, "cancel")

    async def resend_campaign(self, job: str, *, key: str | None = None) -> Record:
        """Send again to those whom a job, which is over, failed to reach, as a job of its own."""
        return await self._campaigns("POST", "send", job, "resend", key=key)

    async def campaign_results(
        self,
        job: str,
        *,
        status: str | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> Record:
        """What became of its recipients; a page that is not the last may have few, or none."""
        query = {"status": status, "cursor": after, "limit": limit}
        return await self._campaigns("GET", "send", job, "results", query=query)

    async def consents(self) -> Record:
        """What one agrees to oneself: ``advertising``, and ``advertising_night``."""
        return await self._http.ask("GET", "users", "me", "consents", below=API)

    async def change_consents(
        self, *, advertising: bool | None = None, advertising_night: bool | None = None
    ) -> Record:
        """Agree, or take it back; None stays as it is."""
        body = {"advertising": advertising, "advertising_night": advertising_night}
        return await self._http.ask("PUT", "users", "me", "consents", body=body, below=API)

    async def _campaigns(self, method: str, *parts: str, **asked: Any) -> Record:
        said: Record = (await self._http.ask(method, *parts, below=MESSAGES, **asked))["data"]
        return said
