"""Friends: asking, agreeing, and who they are. Who is nobody's to know is not there."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.requests import Caller
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import IdField
from server.friending import Friending
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.names import normal
from server.http.notification_schemas import NewAnswer, utc
from server.http.notification_sending import RECIPIENTS
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.friends import Friend as StoredFriend
from server.postgres.friends import Standing
from server.postgres.people_rows import Person
from server.postgres.users import UserStore

PATH: Final = "/api/friends"
REQUESTS: Final = PATH + "/requests"
ASKERS: Final = Rate(per_second=50 / 86_400, burst=50)
"""Requests of one user, whoever is asked, and whether he is there: 100 in any day."""
PAIRS: Final = Rate(per_second=1 / 86_400, burst=3)
"""Of one user to one other, after those that were declined or taken back: 4 in any day."""
PAGE_DEFAULT, PAGE_MOST = 50, 200
CURSOR: Final = re.compile(r"([0-9]{1,16})\.([!-~]{1,64})")


class FriendsQuery(msgspec.Struct):
    """``which``: friends, whom one has asked, or who has asked one. ``cursor`` is that of the page
    before.
    """

    which: Literal["friend", "sent", "received"] = "friend"
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MOST)] = PAGE_DEFAULT


class NewFriendRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``userId``: a user id or username."""

    user_id: IdField


class Friend(msgspec.Struct, rename="camel"):
    """Somebody who is a friend, whom one has asked (``sent``), or who has asked one
    (``received``); ``since`` when.
    """

    user_id: str
    username: str
    name: str
    standing: Standing
    since: datetime


class Friends(msgspec.Struct):
    """A page of them, the newest first; with a ``cursor`` there are more."""

    friends: list[Friend]
    cursor: str | UnsetType = UNSET


class FriendRoutes:
    """The routes of friends. A name that nobody has, and somebody who is deleted, a service or has
    a block with the caller, are told alike.
    """

    def __init__(self, *, users: UserStore, friending: Friending, limits: Limits) -> None:
        self._users, self._limits = users, limits
        self._friending, self._store = friending, friending.store

    async def list_mine(self, call: Call[None, FriendsQuery]) -> Answer:
        """One's friends, the newest first, or whom one has asked, or who has asked one."""
        query, user_no = call.query, call.caller.user_no
        found = await self._store.page(
            user_no, query.which, limit=query.limit + 1, before=_place_of(query.cursor)
        )
        items = found[: query.limit]
        page = Friends([_shown(each, query.which) for each in items])
        if len(found) > len(items):
            page.cursor = f"{items[-1].at}.{items[-1].user}"
        return Answer(200, page)

    async def ask(self, call: Call[NewFriendRequest, NoQuery]) -> Answer:
        """Ask somebody to be a friend; he is notified. Who was asked by him agrees by that.

        What was asked before is as it was (200, not 201).
        """
        caller = call.caller
        await self._take(f"friends:{caller.user_no}", ASKERS, "you ask too many")
        person = await self._person(call.body.user_id)
        if person.user_no == caller.user_no:
            raise invalid("userId", "must be somebody else")
        before = await self._store.standing(caller.user_no, person.user_no)
        if before is None:
            key = f"friends:{caller.user_no}:{person.user_no}"
            await self._take(key, PAIRS, "you ask this person too often")
            text = "this person is sent too many by all together"
            await self._take(f"notified:{person.user_no}", RECIPIENTS, text)
        await self._friending.request(caller, person)
        return Answer(201 if before is None else 200, await self._now(caller, person))

    async def answer(self, call: Call[NewAnswer, NoQuery]) -> Answer:
        """Accept or decline what somebody asks, as by answering the notification of it.

        Who declines tells nobody.
        """
        person = await self._person(call.path["user"])
        await self._friending.answer(call.caller, person, call.body.answer)
        if call.body.answer == "decline":
            return Answer(204)
        return Answer(200, await self._now(call.caller, person))

    async def take_back(self, call: Call[None, NoQuery]) -> Answer:
        """Ask somebody no longer: the notification of it is gone."""
        await self._friending.take_back(call.caller, await self._person(call.path["user"]))
        return Answer(204)

    async def remove(self, call: Call[None, NoQuery]) -> Answer:
        """Be friends no longer, which is told to nobody."""
        await self._friending.remove(call.caller, await self._person(call.path["user"]))
        return Answer(204)

    async def _now(self, caller: Caller, person: Person) -> Friend:
        pair = (caller.user_no, person.user_no)
        standing, found = await self._store.standing(*pair), await self._store.of(*pair)
        if standing is None or found is None:
            raise ProtocolError(ErrorCode.CONFLICT, "it was ended at the same time")
        return _shown(found, standing)

    async def _person(self, asked: str) -> Person:
        name = normal(asked)
        person = (await self._users.named([name])).get(name)
        if person is None or person.status == "deleted" or person.role == "service":
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return person

    async def _take(self, key: str, rate: Rate, text: str) -> None:
        if wait := await self._limits.take(key, rate):
            raise rate_limited(wait, text)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH,
                name="list_friends",
                summary="One's friends, whom one has asked, or who has asked one",
                handler=self.list_mine,
                query=FriendsQuery,
                answers={200: Friends},
            ),
            Route(
                method="POST",
                path=REQUESTS,
                name="ask_friend",
                summary="Ask somebody to be a friend",
                handler=self.ask,
                body=NewFriendRequest,
                answers={200: Friend, 201: Friend},
                refusals=(404, 409),
            ),
            Route(
                method="PUT",
                path=REQUESTS + "/{user}",
                name="answer_friend",
                summary="Accept or decline what somebody asks",
                handler=self.answer,
                body=NewAnswer,
                answers={200: Friend, 204: None},
                refusals=(409,),
            ),
            Route(
                method="DELETE",
                path=REQUESTS + "/{user}",
                name="take_back_friend_request",
                summary="Ask somebody no longer",
                handler=self.take_back,
                answers={204: None},
            ),
            Route(
                method="DELETE",
                path=PATH + "/{user}",
                name="remove_friend",
                summary="Be friends with somebody no longer",
                handler=self.remove,
                answers={204: None},
            ),
        )


def _shown(found: StoredFriend, standing: Standing) -> Friend:
    return Friend(found.user, found.username, found.name, standing, utc(found.at))


def _place_of(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise invalid("cursor", "must be the cursor of a page")
    return int(found[1]), found[2]
