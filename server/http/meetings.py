"""Meetings: calling them, and seeing them."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from actors.meeting_ports import Changed
from actors.rules.meeting_states import MeetingStatus
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import RoomId
from server.http.bodies import invalid
from server.http.idempotency import LONGEST_KEY, Repeats
from server.http.meeting_making import invited, new_meeting
from server.http.meeting_parts import ONE, PATH, MeetingDesk, MeetingParts
from server.http.meeting_schemas import (
    HistoryQuery,
    MeetingHistory,
    MeetingList,
    MeetingShown,
    MeetingsQuery,
    NewMeeting,
)
from server.http.meeting_shown import entry, listed
from server.http.ports import Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.ids import IdSource
from server.postgres.idempotency import Asked
from server.postgres.meetings import LAST
from server.postgres.users import UserStore

CALLED: Final = Rate(per_second=20 / 3_600, burst=20)
"""Meetings that one user calls."""


class MeetingRoutes:
    """The routes. To whom takes no part in it a meeting does not exist."""

    def __init__(
        self,
        parts: MeetingParts,
        desk: MeetingDesk,
        *,
        users: UserStore,
        repeats: Repeats,
        new_id: IdSource,
    ) -> None:
        self._parts, self._desk, self._users = parts, desk, users
        self._repeats, self._new_id = repeats, new_id

    async def call(self, call: Call[NewMeeting, NoQuery]) -> Answer:
        """Call a meeting. It has a room of its own, with all who are invited, and decides itself by
        its rule: when all have answered, when missing votes cannot change it, or at its deadline.
        """
        await self._desk.take(call.caller, "meetings", CALLED)

        async def work(asked: Asked | None) -> Answer:
            id = self._new_id() if asked is None else self._repeats.id_of(asked)  # noqa: A001
            return await self._called(call, id)

        return await self._repeats.once(call, "call_meeting", work)

    async def _called(self, call: Call[NewMeeting, NoQuery], id: str) -> Answer:  # noqa: A002
        caller, now = call.caller, self._desk.now()
        others = await invited(self._parts.recipients, caller, call.body.participant_ids)
        if not others:
            raise invalid("participantIds", "somebody else has to take part")
        me = await self._users.by_id(caller.user_id)
        if me is None:
            raise ProtocolError(ErrorCode.UNAUTHENTICATED)
        room = RoomId(f"m-{id}")
        draft = new_meeting(call.body, me, others, id=id, room=room, now=now, new_id=self._new_id)
        told = [self._parts.coordinating.worded(news, draft.meeting) for news in draft.news]
        kept = await self._parts.store.create(Changed(draft.meeting, told, draft.history))
        self._parts.rooms.made(kept)
        self._parts.coordinating.called(kept)
        return Answer(201, self._desk.shown(kept, caller), {"Location": f"{PATH}/{id}"})

    async def list_mine(self, call: Call[None, MeetingsQuery]) -> Answer:
        """The caller's meetings, the newest first."""
        query = call.query
        found = await self._parts.store.of_user(
            call.caller.user_no,
            limit=query.limit + 1,
            before=query.before,
            status=MeetingStatus(query.status) if query.status else None,
        )
        page = found[: query.limit]
        more = page[-1].id if len(found) > len(page) else UNSET
        return Answer(200, MeetingList([listed(each) for each in page], more))

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """One meeting as it is, and what the caller has at its times."""
        return Answer(200, self._desk.shown(await self._desk.found(call), call.caller))

    async def history(self, call: Call[None, HistoryQuery]) -> Answer:
        """Who did what, the last first."""
        user_no, query = call.caller.user_no, call.query
        meeting = await self._desk.found(call)
        before = LAST if query.before is None else query.before
        found = await self._parts.store.history(
            user_no, meeting.id, limit=query.limit + 1, before=before
        )
        page = (found or [])[: query.limit]
        people = {number: each.user_id for number, each in meeting.people.items()}
        more = page[-1].number if len(found or ()) > len(page) else UNSET
        return Answer(200, MeetingHistory([entry(each, people) for each in page], more))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH + "/coordinate",
                name="call_meeting",
                summary="Call a meeting, with times and places to vote for",
                handler=self.call,
                body=NewMeeting,
                answers={201: MeetingShown},
                refusals=(409, 429),
                key=LONGEST_KEY,
            ),
            Route(
                method="GET",
                path=PATH,
                name="meetings",
                summary="One's meetings",
                handler=self.list_mine,
                query=MeetingsQuery,
                answers={200: MeetingList},
            ),
            Route(
                method="GET",
                path=ONE,
                name="show_meeting",
                summary="One meeting",
                handler=self.show,
                answers={200: MeetingShown},
                refusals=(404,),
            ),
            Route(
                method="GET",
                path=ONE + "/history",
                name="meeting_history",
                summary="What happened to a meeting",
                handler=self.history,
                query=HistoryQuery,
                answers={200: MeetingHistory},
                refusals=(404,),
            ),
        )
