"""What admins ask over HTTP to moderate rooms."""

from __future__ import annotations

from typing import Final

from protocol.client.http import API, Http
from protocol.client.record import Record

ADMIN: Final = f"{API}/admin"


class AdminCalls:
    """Calls for admins, ``forbidden`` for others; they answer and raise as `HttpCalls` says."""

    _http: Http

    async def reports(self, *, status: str | None = None, after: str | None = None) -> Record:
        """Reports with what the messages said then, newest first; *status* open or closed."""
        query = {"status": status, "after": after}
        return await self._http.ask("GET", "reports", query=query, below=ADMIN)

    async def change_report(
        self, report: str, status: str, *, resolution: str | None = None
    ) -> Record:
        """Close a report, or open it again; *resolution* says what was done."""
        body = {"status": status, "resolution": resolution}
        return await self._http.ask("PATCH", "reports", report, body=body, below=ADMIN)

    async def block_log(self, user: str, *, after: int | None = None) -> Record:
        """Every block and unblock by or of *user*, by id or username, newest first."""
        query = {"user": user, "after": after}
        return await self._http.ask("GET", "blocks", query=query, below=ADMIN)

    async def order_reveal(self, room: str, name: str, reason: str) -> Record:
        """Ask who *name* of a blind room is; the order, which another admin must approve."""
        body = {"name": name, "reason": reason}
        return await self._http.ask("POST", "rooms", room, "reveals", body=body, below=ADMIN)

    async def approve_reveal(self, order: str) -> Record:
        """Approve what another admin asked for, within a week; ``person`` says who it is."""
        return await self._http.ask("POST", "reveals", order, "approve", below=ADMIN)

    async def reveal_orders(self) -> Record:
        """Every order, newest first, up to 200; no pages."""
        return await self._http.ask("GET", "reveals", below=ADMIN)
