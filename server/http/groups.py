"""Lists of people that admins keep, for broadcasts to them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from protocol.fields import IdField
from server.http.audit import Audit
from server.http.bodies import invalid
from server.http.broadcast_lists import BroadcastLists
from server.http.names import name_of, normal
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.ids import IdSource
from server.postgres.groups import GroupStore
from server.postgres.users import UserStore

PATH = "/api/v1/admin/groups"
LONGEST_NAME = 64
AT_ONCE = 1_000
"""People of one request."""

People = Annotated[list[IdField], Meta(max_length=AT_ONCE)]


class Group(msgspec.Struct):
    """A list of so many ``people``."""

    id: str
    name: str
    people: int


class GroupList(msgspec.Struct):
    """Every list, by name."""

    items: list[Group]


class GroupName(msgspec.Struct):
    """A list, as who sends a broadcast sees it."""

    id: str
    name: str


class GroupNames(msgspec.Struct):
    """Every list, by name."""

    items: list[GroupName]


class NewGroup(msgspec.Struct):
    """A list to make. People are user ids or usernames."""

    name: str
    members: People = []


class GroupChange(msgspec.Struct):
    """What is to be another, and who comes and goes."""

    name: str | None = None
    add: People = []
    remove: People = []


class GroupMembersQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    after: IdField | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 200


class GroupMembers(msgspec.Struct):
    """User ids, ascending."""

    items: list[str]
    next: str | UnsetType = UNSET


class GroupRoutes:
    """The routes of these lists. Who sends a broadcast sees their names alone."""

    def __init__(
        self,
        *,
        groups: GroupStore,
        lists: BroadcastLists,
        users: UserStore,
        audit: Audit,
        new_id: IdSource,
    ) -> None:
        self._groups, self._lists, self._users = groups, lists, users
        self._audit, self._new_id = audit, new_id

    async def list_names(self, _: Call[None, NoQuery]) -> Answer:
        """Every list that a broadcast can go to."""
        return Answer(200, GroupNames([GroupName(*each) for each in await self._groups.names()]))

    async def list_all(self, call: Call[None, NoQuery]) -> Answer:
        """Every list, and how many are on it."""
        groups = await self._groups.all()
        await self._audit.seen(call, "group.list", count=len(groups))
        return Answer(200, GroupList([Group(*each) for each in groups]))

    async def create(self, call: Call[NewGroup, NoQuery]) -> Answer:
        """Make a list."""
        group = self._new_id()
        name = name_of(call.body.name, longest=LONGEST_NAME)
        members = await self._numbers("members", call.body.members)
        await self._groups.make(group, name, members=members, by=self._audit.by(call))
        return Answer(201, Group(*await self._groups.one(group)))

    async def change(self, call: Call[GroupChange, NoQuery]) -> Answer:
        """Rename a list, put people on it, take people off it."""
        group, body = call.path["group"], call.body
        add = await self._numbers("add", body.add)
        take_out = await self._numbers("remove", body.remove)
        name = None if body.name is None else name_of(body.name, longest=LONGEST_NAME)
        await self._groups.change(
            group, name=name, add=add, take_out=take_out, by=self._audit.by(call)
        )
        return Answer(200, Group(*await self._groups.one(group)))

    async def members(self, call: Call[None, GroupMembersQuery]) -> Answer:
        """Who is on a list."""
        query = call.query
        found = await self._groups.members(
            call.path["group"], after=query.after, limit=query.limit + 1
        )
        items = list(found[: query.limit])
        group = call.path["group"]
        await self._audit.seen(call, "group.members", count=len(items), group=group)
        return Answer(200, GroupMembers(items, items[-1] if len(found) > query.limit else UNSET))

    async def remove(self, call: Call[None, NoQuery]) -> Answer:
        """Forget a list."""
        senders = await self._groups.remove(call.path["group"], by=self._audit.by(call))
        await self._lists.changed(senders)
        return Answer(204)

    async def _numbers(self, field: str, names: People) -> list[int]:
        wanted = list(dict.fromkeys(normal(name) for name in names))
        found = await self._users.named(wanted)
        for name in wanted:
            if name not in found:
                raise invalid(field, f"no such user: {name}")
        return [found[name].user_no for name in wanted]

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/broadcasts/groups",
                name="list_broadcast_groups",
                summary="The lists a broadcast can go to",
                handler=self.list_names,
                answers={200: GroupNames},
            ),
            Route(
                method="GET",
                path=PATH,
                name="list_groups",
                summary="Every list of people",
                access=Access.ADMIN,
                handler=self.list_all,
                answers={200: GroupList},
            ),
            Route(
                method="POST",
                path=PATH,
                name="create_group",
                summary="Make a list of people",
                access=Access.ADMIN,
                handler=self.create,
                body=NewGroup,
                answers={201: Group},
                refusals=(409,),
            ),
            Route(
                method="PATCH",
                path=PATH + "/{group}",
                name="change_group",
                summary="Change a list of people",
                access=Access.ADMIN,
                handler=self.change,
                body=GroupChange,
                answers={200: Group},
                refusals=(409,),
            ),
            Route(
                method="GET",
                path=PATH + "/{group}/members",
                name="list_group_members",
                summary="Who is on a list",
                access=Access.ADMIN,
                handler=self.members,
                query=GroupMembersQuery,
                answers={200: GroupMembers},
            ),
            Route(
                method="DELETE",
                path=PATH + "/{group}",
                name="delete_group",
                summary="Forget a list of people",
                access=Access.ADMIN,
                handler=self.remove,
                answers={204: None},
            ),
        )
