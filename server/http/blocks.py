"""Blocking other people, and what admins may see of it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.blocking import Blocking
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import IdField
from server.http.audit import Audit
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.names import normal
from server.http.ports import Limits, Rate
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.notification_reading import Reading
from server.postgres.blocks import BlockedPerson, BlockStore
from server.postgres.people_rows import Person
from server.postgres.users import UserStore

PATH = "/api/v1/blocks"
PAGE_DEFAULT, PAGE_MOST = 50, 200
CHANGES = Rate(per_second=0.5, burst=60)
"""Blocks and unblocks of one user: each is kept for good."""

Number = Annotated[int, Meta(ge=1, le=2**53 - 1)]
PageLimit = Annotated[int, Meta(ge=1, le=PAGE_MOST)]


class BlocksQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    after: IdField | None = None
    limit: PageLimit = PAGE_DEFAULT


class Block(msgspec.Struct):
    """Somebody who is blocked. ``at`` is a time."""

    user: str
    username: str
    name: str
    at: int


class Blocks(msgspec.Struct):
    """Whom one blocks, newest first."""

    items: list[Block]
    next: str | UnsetType = UNSET


class BlockLogQuery(msgspec.Struct):
    """``user`` is a user id or username; ``after`` is the ``next`` of the page before."""

    user: IdField
    after: Number | None = None
    limit: PageLimit = PAGE_DEFAULT


class BlockEntry(msgspec.Struct):
    """``user`` blocked ``other``, or (``on`` false) no longer did. ``at`` is a time."""

    user: str
    other: str
    on: bool
    at: int


class BlockLog(msgspec.Struct):
    """Every block and unblock by or of somebody, newest first."""

    items: list[BlockEntry]
    next: int | UnsetType = UNSET


class BlockRoutes:
    """The routes of blocks. Nobody is told who blocked him."""

    def __init__(
        self,
        *,
        users: UserStore,
        blocks: BlockStore,
        blocking: Blocking,
        reading: Reading,
        limits: Limits,
        audit: Audit,
    ) -> None:
        self._users, self._blocks, self._audit = users, blocks, audit
        self._blocking, self._reading, self._limits = blocking, reading, limits

    async def block(self, call: Call[None, NoQuery]) -> Answer:
        """Neither reaches or sees the other from now on; it may be there already."""
        person = await self._change(call, on=True)
        found = await self._blocks.of(call.caller.user_no, person.user_no)
        if found is None:
            raise ProtocolError(ErrorCode.CONFLICT, "unblocked at the same time")
        return Answer(200, _shown(found))

    async def unblock(self, call: Call[None, NoQuery]) -> Answer:
        """Take a block back; it may be gone already."""
        await self._change(call, on=False)
        return Answer(204)

    async def list_mine(self, call: Call[None, BlocksQuery]) -> Answer:
        """Whom the caller blocks, newest first."""
        query, caller = call.query, call.caller
        found = await self._blocks.mine(caller.user_no, after=query.after, limit=query.limit + 1)
        items = found[: query.limit]
        after = items[-1].user if len(found) > len(items) else UNSET
        return Answer(200, Blocks([_shown(each) for each in items], after))

    async def log(self, call: Call[None, BlockLogQuery]) -> Answer:
        """What happened between somebody and others."""
        query = call.query
        person = await self._person(query.user)
        found = await self._blocks.logged(person.user_no, after=query.after, limit=query.limit + 1)
        items = found[: query.limit]
        after = items[-1].number if len(found) > len(items) else UNSET
        about = {"subject_no": person.user_no, "count": len(items)}
        await self._audit.seen(call, "block.list", **about)
        shown = [BlockEntry(each.user, each.other, each.on, each.at) for each in items]
        return Answer(200, BlockLog(shown, after))

    async def _change(self, call: Call[None, NoQuery], *, on: bool) -> Person:
        person = await self._person(call.path["user"])
        if on and person.status == "deleted":
            raise ProtocolError(ErrorCode.NOT_FOUND, "no such user")
        if person.user_no == call.caller.user_no:
            raise invalid("user", "must be somebody else")
        wait = await self._limits.take(f"block:{call.caller.user_id}", CHANGES)
        if wait:
            raise rate_limited(wait)
        pair = (call.caller.user_no, person.user_no)
        async with self._reading.parting(*pair) if on else nullcontext():
            await self._blocking.change(call.caller, person.user_no, person.user_id, on=on)
        return person

    async def _person(self, asked: str) -> Person:
        name = normal(asked)
        person = (await self._users.named([name])).get(name)
        if person is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no such user")
        return person

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="PUT",
                path=PATH + "/{user}",
                name="block_user",
                summary="Block somebody",
                handler=self.block,
                answers={200: Block},
                refusals=(400, 409),
            ),
            Route(
                method="DELETE",
                path=PATH + "/{user}",
                name="unblock_user",
                summary="Take a block back",
                handler=self.unblock,
                answers={204: None},
                refusals=(400,),
            ),
            Route(
                method="GET",
                path=PATH,
                name="list_blocks",
                summary="Whom one blocks, newest first",
                handler=self.list_mine,
                query=BlocksQuery,
                answers={200: Blocks},
            ),
            Route(
                method="GET",
                path="/api/v1/admin/blocks",
                name="list_block_log",
                summary="Every block and unblock by or of somebody",
                access=Access.ADMIN,
                handler=self.log,
                query=BlockLogQuery,
                answers={200: BlockLog},
                refusals=(404,),
            ),
        )


def _shown(found: BlockedPerson) -> Block:
    return Block(found.user, found.username, found.name, found.at)
