"""Those of a node who are to see what a campaign stored in their rooms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from actors.campaign_records import Arrived
from actors.records import Claimed
from actors.registry import Registry
from actors.requests import Requests
from actors.room_commands import RoomCommand
from actors.sessions import Sessions
from protocol.ids import RoomId, UserId


class CampaignAudience:
    """Whoever is connected, and the other one of each room of *service* that is active: what its
    actor holds is not what is stored any more.
    """

    def __init__(
        self,
        *,
        service: UserId | None,
        sessions: Sessions,
        rooms: Registry[RoomCommand],
        requests: Requests,
    ) -> None:
        self._service, self._sessions = service, sessions
        self._rooms, self._requests = rooms, requests
        self._active: dict[RoomId, list[int]] = {}
        self._count: Counter[int] = Counter()

    def built(self, claimed: Claimed) -> None:
        """A room becomes active."""
        room, members = RoomId(claimed.summary.id), claimed.members
        is_his = claimed.summary.type == "direct" and any(
            member.user_id == self._service for member in members
        )
        self.rested(room)
        if is_his:
            self._active[room] = [member.user_no for member in members]
            self._count.update(self._active[room])

    def rested(self, room: RoomId) -> None:
        """It is active no longer."""
        for user_no in self._active.pop(room, ()):
            self._count[user_no] -= 1
            if not self._count[user_no]:
                del self._count[user_no]

    def watching(self, user_nos: Sequence[int]) -> Collection[int]:
        """Those of them of whom ``arrived`` is to be told."""
        return [no for no in user_nos if self._sessions.has(no) or no in self._count]

    def arrived(self, arrived: Sequence[Arrived]) -> None:
        """These got a message: rooms that are active start anew from the store, and show it; of the
        others who is connected is told.
        """
        for user, room, _ in arrived:
            if room in self._rooms:
                self._rooms.renew(room)
            elif self._sessions.every(user):
                self._requests.room_created(room, [user])
