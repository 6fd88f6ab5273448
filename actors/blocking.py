"""Blocking: stored first, then known to every actor of the node that it concerns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import suppress

import trio

from actors.blocks import Blocked, Pair, RecentBlocks
from actors.ports import AdapterError, Blocks, WallClock
from actors.ref import ActorStopped, MailboxFull, Reply
from actors.registry import Registry
from actors.requests import Caller
from actors.room_commands import RoomCommand
from actors.user_commands import UserCommand
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import UserId

Concerned = Registry[RoomCommand] | Registry[UserCommand]


class Blocking:
    """Changes who blocks whom.

    When ``change`` returns, nothing that a block forbids is taken any more: the rooms that both
    are in and the two users go by it, and what starts later reads it from the store.
    """

    WITHIN_S = 10.0
    SHARED_WITHIN_S = 2.0

    def __init__(
        self,
        *,
        store: Blocks,
        rooms: Registry[RoomCommand],
        users: Registry[UserCommand],
        recent: RecentBlocks,
        clock: WallClock,
    ) -> None:
        self._store, self._rooms, self._users = store, rooms, users
        self._recent, self._clock = recent, clock
        self._in_turn = trio.Lock()  # actors hear of changes in the order they were stored in

    async def change(self, caller: Caller, user_no: int, user: UserId, *, on: bool) -> None:
        """Have *caller* block *user*, or no longer. Raises ProtocolError, AdapterError.

        Once begun it goes on although nobody waits for it any more.
        """
        try:
            with trio.fail_after(self.WITHIN_S, shield=True):
                async with self._in_turn:
                    replies = await self._change(caller, user_no, user, on=on)
                for reply in replies:
                    await reply.wait()
        except trio.TooSlowError:
            raise ProtocolError(ErrorCode.UNAVAILABLE) from None

    async def _change(
        self, caller: Caller, user_no: int, user: UserId, *, on: bool
    ) -> list[Reply[bool]]:
        pair = (caller.user_no, user_no)
        blocked = await self._store.change(*pair, on=on, at=self._clock.now_ms())
        self._recent.note(pair, on=blocked)  # for whoever joins meanwhile
        rooms = await self._where_both_may_be(pair)
        told = [self._tell(self._rooms, room, pair, on=blocked) for room in rooms]
        told += [self._tell(self._users, each, pair, on=blocked) for each in (caller.user_id, user)]
        return told

    async def _where_both_may_be(self, pair: Pair) -> Iterable[Hashable]:
        """The rooms they share; every room that is awake where the store does not say.

        What is stored must be told, and a room ignores a block of those who are not in it.
        """
        with suppress(AdapterError), trio.move_on_after(self.SHARED_WITHIN_S, shield=True):
            return await self._store.shared(*pair)
        return list(self._rooms)

    def _tell(self, registry: Concerned, key: Hashable, pair: Pair, *, on: bool) -> Reply[bool]:
        """Tell the actor *key*, if it is there; the reply is set once it goes by it."""
        reply: Reply[bool] = Reply()
        self._tell_when_open(registry, key, Blocked(pair, on, reply))
        return reply

    def _tell_when_open(self, registry: Concerned, key: Hashable, command: Blocked) -> None:
        if key not in registry:
            command.known.set(True)
            return
        try:
            registry.tell(key, command)
        except ActorStopped:
            command.known.set(True)
        except MailboxFull:
            registry.when_open(key, lambda: self._tell_when_open(registry, key, command))
