"""What a client asks over HTTP of people: oneself, others, and whom one blocks."""

from __future__ import annotations

from typing import Any

from protocol.client.http import API, Http
from protocol.client.record import Record


class PeopleCalls:
    """Calls about people; they answer and raise as `HttpCalls` says."""

    _http: Http

    async def show_me(self) -> Record:
        """One's own profile, with what one shows of oneself: ``last_seen``, ``read_receipts``."""
        return await self._http.ask("GET", "me", below=API)

    async def change_me(self, **changes: Any) -> Record:
        """Change what is named of one's profile; None clears what may be empty. The profile."""
        return await self._http.ask("PATCH", "me", body=changes, below=API)

    async def find_people(self, beginning: str, *, limit: int | None = None) -> Record:
        """Whose username or name has this *beginning*, by username; no pages."""
        return await self._http.ask(
            "GET", "users", query={"q": beginning, "limit": limit}, below=API
        )

    async def block(self, user: str) -> Record:
        """Block *user*, by id or username: it holds in both directions from the answer on."""
        return await self._http.ask("PUT", "blocks", user, below=API)

    async def unblock(self, user: str) -> Record:
        """Take a block back."""
        return await self._http.ask("DELETE", "blocks", user, below=API)

    async def blocks(self, *, after: str | None = None) -> Record:
        """Whom one blocks, newest first."""
        return await self._http.ask("GET", "blocks", query={"after": after}, below=API)
