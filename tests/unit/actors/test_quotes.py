"""Quotes as clients make them: from the quoted message, held or asked for once."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
import trio
from msgspec import UNSET
from test_room_changes import applied, delete, edit, restore, said
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.records import PageQuery, PageResult
from protocol.events import Event, Message

OLD = 6


class Quote(NamedTuple):
    sender: str
    body: str
    deleted: bool


def quote_of(message: Message) -> Quote:
    """What the specification says a client shows."""
    body = "" if message.body is UNSET else message.body[:140]
    return Quote(message.sender, body, message.deleted is True)


async def looked_up(world: World, user: str, seq: int) -> tuple[Message, int]:
    query = PageQuery(ROOM, world.numbers[user], seq - 1, None, 1, None)
    found = await world.node.page(query)
    assert isinstance(found, PageResult) and isinstance(found.events[0], Message)
    return found.events[0], found.upto


class Reader:
    """A client that came late: it holds nothing, and asks for each quoted message once."""

    def __init__(self, world: World, session: FakeSession) -> None:
        self._world, self._session = world, session
        self.quoted: dict[int, Message] = {}
        self._upto: dict[int, int] = {}
        self._heard = 0

    async def look_up(self, seq: int) -> None:
        if seq not in self.quoted:
            self.quoted[seq], self._upto[seq] = await looked_up(self._world, "ann", seq)

    def hear(self) -> None:
        frames = self._session.frames
        for event in frames[self._heard :]:
            of = getattr(event, "of", 0)
            if isinstance(event, Event) and event.seq > self._upto.get(of, event.seq):
                applied(self.quoted, event, "ann")
        self._heard = len(frames)


@pytest.mark.parametrize("seed", range(8))
async def test_a_quote_is_what_the_quoted_message_says_however_it_was_had(
    autojump_clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    async with open_world(commit_s=chance.choice([0.0, 0.05])) as world:
        ann, bob = await said(world, *(f"{number} " + "가" * 200 for number in range(OLD)))
        reader = Reader(world, ann)
        for step in range(60):
            seq = chance.randint(1, OLD)
            match chance.randint(0, 3):
                case 0:
                    bob.change(edit(seq, f"{step} " + "나" * chance.choice([5, 300])))
                case 1:
                    bob.change(delete(seq))
                case 2:
                    ann.change(restore(seq))
                case _:
                    bob.send(f"r{step}", "re", reply_to=seq)
                    await reader.look_up(seq)
            if chance.random() < 0.5:
                reader.hear()
                await trio.sleep(0.02)
        await trio.sleep(3)
        reader.hear()
        assert reader.quoted
        for seq, message in reader.quoted.items():
            fresh, _ = await looked_up(world, "ann", seq)
            assert quote_of(message) == quote_of(fresh) and message == fresh
