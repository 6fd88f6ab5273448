"""What a client asks over HTTP: rooms and who is in them, and more of messages than frames say."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from protocol.client.admin_calls import AdminCalls
from protocol.client.broadcast_calls import BroadcastCalls
from protocol.client.campaign_calls import CampaignCalls
from protocol.client.export import Export, open_export
from protocol.client.files import Download, open_download, upload
from protocol.client.http import CHATS, Http
from protocol.client.notification_calls import NotificationCalls
from protocol.client.people_calls import PeopleCalls
from protocol.client.record import Record


class HttpCalls(PeopleCalls, BroadcastCalls, CampaignCalls, NotificationCalls, AdminCalls):
    """The calls that the server has over HTTP alone; what they change comes as events, too.

    Each answers with what `/docs` says, as a Record; what changes a room has the ``seq`` and ``at``
    of its event, or neither where nothing changed. Lists come in pages: ``next``, where there is
    one, is the ``after`` of the following page. All raise RequestError, RequestTimeout (it may have
    been done all the same) and ConnectionLost.
    """

    _http: Http
    _new_id: Callable[[], str]

    # ---- rooms

    async def create_room(
        self,
        name: str,
        members: Sequence[str] = (),
        *,
        public: bool = False,
        description: str = "",
        id: str | None = None,  # noqa: A002 - as in `send`
    ) -> Record:
        """Make a team room of one's own, of *members* by id or username; its summary.

        A lost connection makes no second room: it is asked for again, with the same id. After
        RequestTimeout it may have been made; asking the same with the id of the error tells.
        """
        fields: dict[str, Any] = {"type": "team", "name": name, "members": list(members)}
        fields |= {"visibility": "public"} if public else {}
        return await self._make(fields | {"description": description or None}, id)

    async def create_matching_room(
        self,
        group_a: Sequence[str],
        group_b: Sequence[str],
        *,
        blind: bool = False,
        name: str = "",
        description: str = "",
        id: str | None = None,  # noqa: A002 - as in `send`
    ) -> Record:
        """Bring two groups together, of people by id or username; the summary of their room.

        One is in a group oneself; only an admin need not be: to him ``me`` is empty then. In a
        *blind* room everybody goes by a pseudonym; ``me`` is one's own. As often as it is asked
        with one id it is one room, as in `create_room`.
        """
        groups = {"A": list(group_a), "B": list(group_b)}
        fields = {"type": "matching", "groups": groups, "mode": "blind" if blind else "open"}
        texts = {"name": name or None, "description": description or None}
        return await self._make(fields | texts, id)

    async def _make(self, fields: dict[str, Any], key: str | None) -> Record:
        return await self._http.once(fields, key=key or self._new_id())

    async def direct_room(self, user: str) -> Record:
        """The one direct room with *user*, made or found; its summary."""
        return await self._http.ask("POST", body={"type": "direct", "members": [user]})

    async def show_room(self, room: str) -> Record:
        """The room with its members."""
        return await self._http.ask("GET", room)

    async def change_room(self, room: str, **changes: Any) -> Record:
        """Change what is named: name, description, visibility, archived, post, metadata."""
        given = {name: value for name, value in changes.items() if value is not None}
        return await self._http.ask("PATCH", room, body=given)

    async def public_rooms(
        self, name: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> Record:
        """Rooms that everybody may join, newest first, with *name* in theirs."""
        query = {"q": name, "after": after, "limit": limit}
        return await self._http.ask("GET", "public", query=query)

    async def join(self, room: str) -> Record:
        """Become a member of a public room; of a matching room again, after leaving it."""
        return await self._http.ask("POST", room, "join")

    async def mute(self, room: str, *, until: int | None = None) -> Record:
        """Mute a room on all devices, *until* then or for good."""
        return await self._http.ask("PUT", room, "mute", body={"until": until})

    async def unmute(self, room: str) -> Record:
        """Hear it again."""
        return await self._http.ask("DELETE", room, "mute")

    async def total_unread(self) -> Record:
        """What is unread in all rooms together: rooms, unread, mentions, threads."""
        return await self._http.ask("GET", "unread", below=CHATS)

    async def search(
        self, q: str | None = None, *, sender: str | None = None, **filters: str | int | None
    ) -> Record:
        """Messages of all one's rooms that have every word of *q*, the newest first.

        *filters* are room, since, until, kind, has, after and limit. Each of ``items`` has
        ``room``, ``message`` and ``excerpt``; ``next`` is the *after* of the following page.
        """
        query = {"q": q, "from": sender, **filters}
        return await self._http.ask("GET", "search", query=query, below=CHATS)

    def export(self, room: str) -> AbstractAsyncContextManager[Export]:
        """Everything that was said in a room, as fast as it is taken: an `Export` to iterate.

        ``async with client.export(room) as events:`` opens it, and raises ``forbidden`` for who may
        not have it; leaving the block ends it, wherever one is in it.
        """
        return open_export(self._http, room)

    # ---- files

    async def upload(
        self, source: bytes | str | Path | AsyncIterable[bytes], name: str = ""
    ) -> Record:
        """Keep a file: bytes, what lies at a path, or parts as they come; what it is (id, kind, …).

        What is no end of it raises and leaves nothing. Each part has ``within`` seconds, and so has
        the answer after the last one. After RequestTimeout it may be there all the same.
        """
        return await upload(self._http, source, name)

    def download(
        self, file: str, *, thumbnail: bool = False
    ) -> AbstractAsyncContextManager[Download]:
        """A file, or a small image of it, as fast as it is taken: a `Download` to iterate.

        ``async with client.download(file) as parts:`` opens it, and raises ``not_found`` for who
        may not have it; leaving the block ends it.
        """
        return open_download(self._http, file, thumbnail=thumbnail)

    async def files(self, *, after: str | None = None, limit: int | None = None) -> Record:
        """One's own files, newest first, with ``used`` and ``quota`` in bytes, and the uploads that
        can go on (``unfinished``).
        """
        return await self._http.ask(
            "GET", "files", query={"after": after, "limit": limit}, below=CHATS
        )

    async def delete_file(self, file: str) -> None:
        """Delete one that was never posted."""
        await self._http.ask("DELETE", "files", file, below=CHATS)

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

    async def reveal(self, room: str, name: str) -> Record:
        """Let *name*, a pseudonym of a blind room, know who one is, if he says the same.

        ``mutual`` says whether he did; ``person`` (user, username, name) is who he is then.
        """
        return await self._http.ask("PUT", room, "reveals", name)

    async def withdraw_reveal(self, room: str, name: str) -> None:
        """Take that back; ``conflict`` once it is mutual."""
        await self._http.ask("DELETE", room, "reveals", name)

    async def reveals(self, room: str) -> Record:
        """Whom one would let know, oldest first, each as `reveal` answers: ``items``."""
        return await self._http.ask("GET", room, "reveals")

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

    async def readers(self, room: str, seq: int) -> Record:
        """Who has read a message and when, and how many have not (``unread``)."""
        return await self._http.ask("GET", room, "messages", seq, "readers")

    async def pins(self, room: str, *, after: str | None = None) -> Record:
        """What is pinned, the latest pin first."""
        return await self._http.ask("GET", room, "pins", query={"after": after})

    async def threads(self, room: str, *, mine: bool = False, before: int | None = None) -> Record:
        """The threads of a room, the newest reply first; *mine*: those one takes part in.

        ``next`` is the *before* of the following page.
        """
        query = {"mine": "true" if mine else None, "before": before}
        return await self._http.ask("GET", room, "threads", query=query)

    async def report(self, room: str, seq: int, reason: str, note: str | None = None) -> Record:
        """Report a message as spam, abuse, illegal or other; again it changes reason and note."""
        body = {"reason": reason, "note": note}
        return await self._http.ask("POST", room, "messages", seq, "report", body=body)
