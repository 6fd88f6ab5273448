"""What a client asks over HTTP: rooms and who is in them, and more of messages than frames say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.client.http import API, Http
from protocol.client.record import Record


class HttpCalls:
    """The calls that the server has over HTTP alone; what they change comes as events, too.

    Each answers with what `/docs` says, as a Record; what changes a room has the ``seq`` and ``at``
    of its event, or neither where nothing changed. Lists come in pages: ``next``, where there is
    one, is the ``after`` of the following page. All raise RequestError, RequestTimeout (it may have
    been done all the same) and ConnectionLost.
    """

    _http: Http

    # ---- rooms

    async def create_room(
        self, name: str, members: Sequence[str] = (), *, public: bool = False, description: str = ""
    ) -> Record:
        """Make a team room of one's own, of *members* by id or username; its summary."""
        fields: dict[str, Any] = {"type": "team", "name": name, "members": list(members)}
        fields |= {"visibility": "public"} if public else {}
        return await self._http.ask("POST", body=fields | {"description": description or None})

    async def direct_room(self, user: str) -> Record:
        """The one direct room with *user*, made or found; its summary."""
        return await self._http.ask("POST", body={"type": "direct", "members": [user]})

    async def show_room(self, room: str) -> Record:
        """The room with its members."""
        return await self._http.ask("GET", room)

    async def change_room(self, room: str, **changes: Any) -> Record:
        """Change what is named: name, description, visibility, archived, post, metadata."""
        return await self._http.ask("PATCH", room, body=changes)

    async def public_rooms(
        self, name: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> Record:
        """Rooms that everybody may join, newest first, with *name* in theirs."""
        query = {"q": name, "after": after, "limit": limit}
        return await self._http.ask("GET", "public", query=query)

    async def join(self, room: str) -> Record:
        """Become a member of a public room."""
        return await self._http.ask("POST", room, "join")

    async def mute(self, room: str, *, until: int | None = None) -> Record:
        """Mute a room on all devices, *until* then or for good."""
        return await self._http.ask("PUT", room, "mute", body={"until": until})

    async def unmute(self, room: str) -> Record:
        """Hear it again."""
        return await self._http.ask("DELETE", room, "mute")

    # ---- members

    async def add_member(self, room: str, user: str) -> Record:
        """Make *user*, by id or username, a member."""
        return await self._http.ask("POST", room, "members", body={"user": user})

    async def remove_member(self, room: str, user: str) -> Record:
        """End a membership; one's own, to leave."""
        return await self._http.ask("DELETE", room, "members", user)

    async def change_role(self, room: str, user: str, role: str) -> Record:
        """Make a member owner, admin, member or guest."""
        return await self._http.ask("PATCH", room, "members", user, body={"role": role})

    async def room_presence(self, room: str) -> Record:
        """How many members are online; in a room of up to 200 also who."""
        return await self._http.ask("GET", room, "presence")

    # ---- messages

    async def message(self, room: str, seq: int) -> Record:
        """One ``message`` as it is now, true as of ``upto``."""
        return await self._http.ask("GET", room, "messages", seq)

    async def restore(self, room: str, seq: int) -> Record:
        """Bring a deleted message back."""
        return await self._http.ask("POST", room, "messages", seq, "restore")

    async def versions(self, room: str, seq: int, *, after: int | None = None) -> Record:
        """What a message said, oldest first."""
        return await self._http.ask(
            "GET", room, "messages", seq, "versions", query={"after": after}
        )

    async def reactions(self, room: str, seq: int) -> Record:
        """Who put which emoji on a message, first come first."""
        return await self._http.ask("GET", room, "messages", seq, "reactions")

    async def pins(self, room: str, *, after: str | None = None) -> Record:
        """What is pinned, the latest pin first."""
        return await self._http.ask("GET", room, "pins", query={"after": after})

    async def report(self, room: str, seq: int, reason: str, note: str | None = None) -> Record:
        """Report a message as spam, abuse, illegal or other; again it changes reason and note."""
        body = {"reason": reason, "note": note}
        return await self._http.ask("POST", room, "messages", seq, "report", body=body)

    # ---- people

    async def block(self, user: str) -> Record:
        """Block *user*, by id or username: it holds in both directions from the answer on."""
        return await self._http.ask("PUT", "blocks", user, below=API)

    async def unblock(self, user: str) -> Record:
        """Take a block back."""
        return await self._http.ask("DELETE", "blocks", user, below=API)

    async def blocks(self, *, after: str | None = None) -> Record:
        """Whom one blocks, newest first."""
        return await self._http.ask("GET", "blocks", query={"after": after}, below=API)

    async def threads(self, room: str, *, mine: bool = False, before: int | None = None) -> Record:
        """The threads of a room, the newest reply first; *mine*: those one takes part in.

        ``next`` is the *before* of the following page.
        """
        query = {"mine": "true" if mine else None, "before": before}
        return await self._http.ask("GET", room, "threads", query=query)

    async def readers(self, room: str, seq: int) -> Record:
        """Who has read a message and when, and how many have not (``unread``)."""
        return await self._http.ask("GET", room, "messages", seq, "readers")
