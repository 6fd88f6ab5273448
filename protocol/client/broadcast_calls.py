"""What a client asks over HTTP of broadcasts."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

from protocol.client.http import API, Http, target_of, told
from protocol.client.record import Record


class BroadcastCalls:
    """Calls about broadcasts; they answer and raise as `HttpCalls` says."""

    _http: Http

    async def send_broadcast(
        self, audio: bytes, recipient_count: int, *, key: str | None = None, **more: str | int
    ) -> Record:
        """Send a recording of 1 to 30 seconds to so many people (1 to 100), at once.

        *more* is schedule (milliseconds since 1970), and group, region, gender, age_from, age_to.
        With a *key* the same again is the same broadcast.
        """
        mark = secrets.token_hex(16)
        body = _form(mark, audio, {"recipient_count": recipient_count, **more})
        headers = {
            "Content-Type": f"multipart/form-data; boundary={mark}",
            "Content-Length": str(len(body)),
        } | ({} if key is None else {"Idempotency-Key": key})
        async with self._http.bringing(
            target_of(API, "broadcasts"), headers, _once(body)
        ) as answer:
            return told(answer.status, await answer.whole())

    async def broadcasts(self, *, after: str | None = None, limit: int | None = None) -> Record:
        """One's own, newest first, with how many received, read and answered each."""
        return await self._http.ask(
            "GET", "broadcasts", query={"after": after, "limit": limit}, below=API
        )

    async def received_broadcasts(
        self, *, after: str | None = None, limit: int | None = None
    ) -> Record:
        """What one received, newest first."""
        query = {"after": after, "limit": limit}
        return await self._http.ask("GET", "broadcasts", "received", query=query, below=API)

    async def show_broadcast(self, broadcast: str) -> Record:
        """One that one sent, or received."""
        return await self._http.ask("GET", "broadcasts", broadcast, below=API)

    async def cancel_broadcast(self, broadcast: str) -> Record:
        """Take back one whose time has not come."""
        return await self._http.ask("DELETE", "broadcasts", broadcast, below=API)

    async def read_broadcast(self, broadcast: str) -> Record:
        """Say that one has heard it."""
        return await self._http.ask("PUT", "broadcasts", broadcast, "mark_as_read", below=API)

    async def reply_to_broadcast(
        self,
        broadcast: str,
        body: str = "",
        *,
        files: list[str] | None = None,
        id: str | None = None,  # noqa: A002 - the wire's
    ) -> Record:
        """Reply with words, or files of one's own, or both; where the message is: room, seq, …"""
        said: Mapping[str, Any] = {"body": body} | ({} if files is None else {"files": files})
        return await self._http.ask(
            "POST", "broadcasts", broadcast, "reply", body=said, below=API, key=id
        )

    async def explain_broadcast(self, broadcast: str, *, user: str | None = None) -> Record:
        """Why it went to whom it went; for admins."""
        query = {"user": user}
        return await self._http.ask(
            "GET", "broadcasts", broadcast, "explain", query=query, below=API
        )


def _form(mark: str, audio: bytes, fields: Mapping[str, str | int]) -> bytes:
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="audio"; filename="audio"\r\n'
    kind = "Content-Type: application/octet-stream\r\n\r\n"
    return "".join([*parts, head, kind]).encode() + audio + f"\r\n--{mark}--\r\n".encode()


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
